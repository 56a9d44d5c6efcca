/* Products of packed int8 weights and a float vector, kept in registers: the innermost floor of models of scheme weights8. */
#ifndef ERN_MATVEC_W8_H
#define ERN_MATVEC_W8_H

#include "ern_lanes.h"

#if ERN_LANES == 16 && defined(__AVX512F__)
#define ERN_WIDEN_AVX512 1
#include <immintrin.h>
#elif ERN_LANES == 8 && defined(__AVX2__)
#define ERN_WIDEN_AVX2 1
#include <immintrin.h>
#elif ERN_LANES == 4 && defined(__SSE2__)
#define ERN_WIDEN_SSE2 1
#include <emmintrin.h>
#elif ERN_LANES == 4 && defined(__ARM_NEON)
#define ERN_WIDEN_NEON 1
#include <arm_neon.h>
#endif

/* ERN_LANES weights as floats. */
ERN_INLINE ern_vf ern_widen_s8(const int8_t *p)
{
#if ERN_LANES == 1
    return (float)*p;
#elif defined(ERN_WIDEN_AVX512)
    return (ern_vf)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)));
#elif defined(ERN_WIDEN_AVX2)
    return (ern_vf)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)));
#elif defined(ERN_WIDEN_SSE2)
    int32_t four;
    ern_memcpy(&four, p, sizeof four);
    const __m128i bytes = _mm_cvtsi32_si128(four), pairs = _mm_unpacklo_epi8(bytes, bytes);
    return (ern_vf)_mm_cvtepi32_ps(_mm_srai_epi32(_mm_unpacklo_epi16(pairs, pairs), 24));
#elif defined(ERN_WIDEN_NEON)
    uint32_t four;
    ern_memcpy(&four, p, sizeof four);
    return (ern_vf)vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_u32(vdup_n_u32(four))))));
#else
    int32_t part[ERN_LANES];
    ern_vi wide;
    for (size_t k = 0; k < ERN_LANES; k++)
        part[k] = p[k];
    ern_memcpy(&wide, part, sizeof wide);
    return ern_to_float(wide);
#endif
}

#define ERN_WEIGHT int8_t
#define ERN_WIDEN(p) ern_widen_s8(p)
#define ERN_MAC(n) ern_mac##n##_w8
#include "ern_macs.h"

/* The k-th ERN_LANES numbers of the rows: biases and scales. */
#define ERN_ROW(k) ern_load(rows + (size_t)(k) * ERN_LANES)

#endif
