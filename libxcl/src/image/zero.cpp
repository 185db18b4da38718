// SPDX-License-Identifier: BSD-3-Clause
// Two forms of one loop: for SSE2, which every x86-64 has, and for AVX2, which takes a third of the
// instructions. The steps of a round stand side by side: a loop of them would take twice as many.
#include "image/zero.hpp"

#include <utility>

#include <immintrin.h>
#include <sys/platform/x86.h>

namespace xcl::image {
namespace {

constexpr std::size_t stride = 1024;

template <std::size_t... step>
__m128i any_of(const __m128i* from, std::index_sequence<step...>) {
    __m128i any = _mm_setzero_si128();
    ((any = _mm_or_si128(any, _mm_loadu_si128(from + step))), ...);
    return any;
}

bool is_zero_by_sse2(std::span<const std::byte> bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += stride) {
        const auto* const from = reinterpret_cast<const __m128i*>(bytes.data() + at);
        const __m128i any = any_of(from, std::make_index_sequence<stride / sizeof *from>{});
        if (_mm_movemask_epi8(_mm_cmpeq_epi8(any, _mm_setzero_si128())) != 0xffff)
            return false;
    }
    return true;
}

template <std::size_t... step>
[[gnu::target("avx2")]] inline __m256i any_of(const __m256i* from, std::index_sequence<step...>) {
    __m256i any = _mm256_setzero_si256();
    ((any = _mm256_or_si256(any, _mm256_loadu_si256(from + step))), ...);
    return any;
}

[[gnu::target("avx2")]] bool is_zero_by_avx2(std::span<const std::byte> bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += stride) {
        const auto* const from = reinterpret_cast<const __m256i*>(bytes.data() + at);
        const __m256i any = any_of(from, std::make_index_sequence<stride / sizeof *from>{});
        if (_mm256_testz_si256(any, any) == 0)
            return false;
    }
    return true;
}

}  // namespace

bool is_zero(std::span<const std::byte> bytes) {
    // The C library has asked already. The compiler's __builtin_cpu_supports would ask again in
    // every process that starts, and each CPUID of a control domain costs a trap into Xen.
    static const auto by_best = CPU_FEATURE_ACTIVE(AVX2) ? is_zero_by_avx2 : is_zero_by_sse2;
    return by_best(bytes);
}

}  // namespace xcl::image
