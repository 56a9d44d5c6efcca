/* Stepping through the axes of a walk. */
#ifndef ERN_WALK_H
#define ERN_WALK_H

#include "ern_lanes.h"

/* Moves to the next row (all axes but the last); returns 0 when there is none. */
ERN_INLINE int ern_walk_next(const ern_walk *walk, uint32_t index[ERN_MAX_AXES], size_t *a, size_t *b)
{
    for (uint32_t axis = walk->axes - 1; axis-- > 0;) {
        *a += walk->a_step[axis];
        *b += walk->b_step[axis];
        if (++index[axis] < walk->size[axis])
            return 1;
        *a -= (size_t)walk->a_step[axis] * walk->size[axis];
        *b -= (size_t)walk->b_step[axis] * walk->size[axis];
        index[axis] = 0;
    }
    return 0;
}

#endif
