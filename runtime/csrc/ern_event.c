/* Events: threshold, hysteresis, debouncing. */
#include "ern_decode_math.h"

ERN_API int32_t ern_event_score_f32(float score)
{
    return ern_score_of_float(score);
}

ERN_API void ern_event_begin(ern_event *event, int32_t on, int32_t off, uint32_t rise, uint32_t fall)
{
    const ern_event begun = {on, off, rise, fall, 0, 0, 0};
    *event = begun;
}

ERN_API ern_event_change ern_event_step(ern_event *event, int32_t score, uint32_t *at)
{
    const int against = event->active ? score < event->off : score >= event->on;
    const uint32_t needed = event->active ? event->fall : event->rise;
    event->frame++;
    event->run = against ? event->run + 1 : 0;
    if (event->run < needed)
        return ERN_EVENT_NONE;
    *at = event->frame - needed;
    event->run = 0;
    event->active = !event->active;
    return event->active ? ERN_EVENT_BEGAN : ERN_EVENT_ENDED;
}
