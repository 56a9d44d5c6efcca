/* The model of a program as the target of a link. */
#ifndef EDGERNN_TARGET_H
#define EDGERNN_TARGET_H

#include "link.h"

/* Prepare model, counter and link, as after a reset of the board. */
void edgernn_target_start(edgernn_link *link);

#endif
