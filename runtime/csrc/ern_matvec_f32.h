/* Products of packed float weights and a vector, kept in registers: the innermost floor of the float kernels. */
#ifndef ERN_MATVEC_F32_H
#define ERN_MATVEC_F32_H

#include "ern_lanes.h"

#define ERN_W(k) ern_load(w + (size_t)(k) * ERN_LANES)

#if ERN_LANES == 1 && defined(__thumb2__) && defined(__ARM_FEATURE_FMA) && defined(__ARM_FP)
/* Cortex-M with an FPU: one load of all weights of four columns. Registers: x in s4 to s7, weights from s8 on. */
#define ERN_ASM_COLUMNS4_OF_3                                                       \
    "vldmia %[x]!, {s4-s7}\n vldmia %[w]!, {s8-s19}\n"                              \
    "vfma.f32 %[a0], s8, s4\n vfma.f32 %[a1], s9, s4\n vfma.f32 %[a2], s10, s4\n"   \
    "vfma.f32 %[a0], s11, s5\n vfma.f32 %[a1], s12, s5\n vfma.f32 %[a2], s13, s5\n" \
    "vfma.f32 %[a0], s14, s6\n vfma.f32 %[a1], s15, s6\n vfma.f32 %[a2], s16, s6\n" \
    "vfma.f32 %[a0], s17, s7\n vfma.f32 %[a1], s18, s7\n vfma.f32 %[a2], s19, s7\n"
#define ERN_ASM_COLUMNS4_OF_4                                                                                 \
    "vldmia %[x]!, {s4-s7}\n vldmia %[w]!, {s8-s23}\n"                                                        \
    "vfma.f32 %[a0], s8, s4\n vfma.f32 %[a1], s9, s4\n vfma.f32 %[a2], s10, s4\n vfma.f32 %[a3], s11, s4\n"   \
    "vfma.f32 %[a0], s12, s5\n vfma.f32 %[a1], s13, s5\n vfma.f32 %[a2], s14, s5\n vfma.f32 %[a3], s15, s5\n" \
    "vfma.f32 %[a0], s16, s6\n vfma.f32 %[a1], s17, s6\n vfma.f32 %[a2], s18, s6\n vfma.f32 %[a3], s19, s6\n" \
    "vfma.f32 %[a0], s20, s7\n vfma.f32 %[a1], s21, s7\n vfma.f32 %[a2], s22, s7\n vfma.f32 %[a3], s23, s7\n"
#define ERN_EIGHT3                                                                          \
    __asm__(ERN_ASM_COLUMNS4_OF_3 ERN_ASM_COLUMNS4_OF_3                                     \
            : [w] "+r"(w), [x] "+r"(x), [a0] "+t"(a0), [a1] "+t"(a1), [a2] "+t"(a2)         \
            :                                                                               \
            : "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15", \
              "s16", "s17", "s18", "s19", "memory")
#define ERN_EIGHT4                                                                                 \
    __asm__(ERN_ASM_COLUMNS4_OF_4 ERN_ASM_COLUMNS4_OF_4                                            \
            : [w] "+r"(w), [x] "+r"(x), [a0] "+t"(a0), [a1] "+t"(a1), [a2] "+t"(a2), [a3] "+t"(a3) \
            :                                                                                      \
            : "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15",        \
              "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23", "memory")
#endif

#define ERN_WEIGHT float
#define ERN_WIDEN(p) ern_load(p)
#define ERN_MAC(n) ern_mac##n##_f32
#include "ern_macs.h"

#endif
