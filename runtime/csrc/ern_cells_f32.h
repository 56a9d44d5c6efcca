/* What recurrent cells do with the sums of their gates. */
#ifndef ERN_CELLS_F32_H
#define ERN_CELLS_F32_H

#include "ern_math_f32.h"

/* Gates i f g o. Returns h and replaces the cell. */
ERN_INLINE ern_vf ern_lstm_gates(const ern_vf gate[4], ern_vf *cell)
{
    *cell = ern_sigmoid_gate(gate[1]) * *cell + ern_sigmoid_gate(gate[0]) * ern_tanh_gate(gate[2]);
    return ern_sigmoid_gate(gate[3]) * ern_tanh_gate(*cell);
}

/* gate: r, z; n_x and n_h: the two parts of n. Returns the next h. */
ERN_INLINE ern_vf ern_gru_gates(const ern_vf gate[2], ern_vf n_x, ern_vf n_h, ern_vf h)
{
    const ern_vf n = ern_tanh_gate(n_x + ern_sigmoid_gate(gate[0]) * n_h);
    return n + ern_sigmoid_gate(gate[1]) * (h - n);
}

ERN_INLINE ern_vf ern_rnn_relu(ern_vf x)
{
    return ern_choose(ern_less(x, ern_all(0.0f)), ern_all(0.0f), x);
}

#endif
