/* The loop of generate.py for a device and an integer model: conditions of each frame in, samples out. Integers only.
 *
 * columns    [frames][22], pitch, voicing and mel spectrum, in units of the model's input
 * lpc        [frames][12], in units of 2^-12
 * units      [2049]: -1 .. 1 in steps of 1/1024, in units of the model's input
 * levels     [64], errors of the codes in units of 2^-10 gains
 * samples    [frames][80]
 */
#include "audio_generation.h"
#include "ern_decode.h"

#ifndef INPUT
#define INPUT int16_t /* int8_t in the scheme int8 */
#endif

enum {
    HOP = 80, CONDITIONS = 22, PAST = 8, ORDER = 12, CODES = 64, LPC_BITS = 12, LEVEL_BITS = 10, INVERSE_BITS = 16,
    LOG_OFFSET = 6, LOG_STEP = 256, LOG_ONE = 1024, PEAK = 32767, SAMPLES_KEPT = 16, CODES_KEPT = 256
};

/* Rings: the sample at t is samples[t % SAMPLES_KEPT]. */
typedef struct {
    int32_t samples[SAMPLES_KEPT];
    int32_t codes[CODES_KEPT];
    uint32_t t;
} voice;

typedef struct {
    const int32_t *lpc;
    int32_t gain, inverse, period;
} frame;

ern_status audio_generation_speak(audio_generation_state *model, size_t frames, const INPUT *columns, const int32_t *lpc,
                                  const int32_t *gain, const int32_t *inverse, const int32_t *period,
                                  const INPUT *units, const int32_t *levels, const ern_sampler *sampler,
                                  int16_t *samples);

static int32_t sample_before(const voice *v, uint32_t back)
{
    return v->samples[(v->t - back) % SAMPLES_KEPT];
}

static int32_t code_before(const voice *v, uint32_t back)
{
    return v->codes[(v->t - back) % CODES_KEPT] * (LOG_ONE / CODES);
}

static int32_t clipped(int32_t sample)
{
    return sample > PEAK ? PEAK : sample < -PEAK ? -PEAK : sample;
}

static int32_t predict(const voice *v, const int32_t *lpc)
{
    int64_t total = 1 << (LPC_BITS - 1);
    for (uint32_t k = 0; k < ORDER; k++)
        total += (int64_t)lpc[k] * sample_before(v, k + 1);
    return clipped((int32_t)(total >> LPC_BITS));
}

/* In units of 1/1024, something like a logarithm with the sign of the value. */
static int32_t logarithm(int32_t value, int32_t inverse)
{
    const int32_t scaled = value * inverse >> (INVERSE_BITS - LOG_OFFSET);
    int32_t size = scaled < 0 ? -scaled : scaled, octave = LOG_OFFSET;
    size = (size < PEAK ? size : PEAK) + (1 << LOG_OFFSET);
    while (size >> (octave + 1) != 0)
        octave++;
    int32_t found = (octave - LOG_OFFSET) * LOG_STEP + ((size - (1 << octave)) * LOG_STEP >> octave);
    found = found < LOG_ONE ? found : LOG_ONE;
    return scaled < 0 ? -found : found;
}

static void look(const voice *v, const frame *f, int32_t expected, const INPUT *units, INPUT *input)
{
    const uint32_t lag = (uint32_t)f->period;
    const int32_t seen[PAST] = {
        logarithm(sample_before(v, 1), f->inverse), logarithm(sample_before(v, 2), f->inverse),
        logarithm(expected, f->inverse),            code_before(v, 1),
        code_before(v, 2),                          code_before(v, lag + 1),
        code_before(v, lag),                        code_before(v, lag - 1),
    };
    for (size_t k = 0; k < PAST; k++)
        input[k] = units[seen[k] + LOG_ONE];
}

static int32_t next_sample(voice *v, const frame *f, int32_t expected, int32_t code, const int32_t *levels)
{
    const int32_t error = (levels[code] * f->gain + (1 << (LEVEL_BITS - 1))) >> LEVEL_BITS;
    const int32_t sample = clipped(expected + error);
    v->samples[v->t % SAMPLES_KEPT] = sample;
    v->codes[v->t % CODES_KEPT] = 2 * code + 1 - CODES;
    v->t++;
    return sample;
}

ern_status audio_generation_speak(audio_generation_state *model, size_t frames, const INPUT *columns, const int32_t *lpc,
                                  const int32_t *gain, const int32_t *inverse, const int32_t *period,
                                  const INPUT *units, const int32_t *levels, const ern_sampler *sampler,
                                  int16_t *samples)
{
    voice v = {{0}, {0}, 0};
    INPUT input[PAST + CONDITIONS];
    int16_t scores[CODES];
    for (size_t at = 0; at < frames; at++) {
        const frame f = {lpc + at * ORDER, gain[at], inverse[at], period[at]};
        for (size_t k = 0; k < CONDITIONS; k++)
            input[PAST + k] = columns[at * CONDITIONS + k];
        for (size_t k = 0; k < HOP; k++) {
            const int32_t expected = predict(&v, f.lpc);
            look(&v, &f, expected, units, input);
            const ern_status status = audio_generation_step(model, input, scores);
            if (status != ERN_OK)
                return status;
            const uint32_t code = ern_sample_s16(scores, CODES, AUDIO_GENERATION_OUTPUT_OUTPUT_UNIT, sampler, v.t);
            samples[at * HOP + k] = (int16_t)next_sample(&v, &f, expected, (int32_t)code, levels);
        }
    }
    return ERN_OK;
}
