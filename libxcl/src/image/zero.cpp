// SPDX-License-Identifier: BSD-3-Clause
// Two forms of one loop: for SSE2, which every x86-64 has, and for AVX2, which takes a third of the
// instructions. The steps of a round stand side by side: a loop of them would take twice as many.
#include "image/zero.hpp"

#include <utility>

#include <immintrin.h>
#include <sys/platform/x86.h>

namespace xcl::image {
namespace {

constexpr std::size_t stride = 512;

bool is_zero_by_sse2(std::span<const std::byte> bytes) {
    const auto any_of = []<std::size_t... step>(const std::byte* at, std::index_sequence<step...>) {
        __m128i any = _mm_setzero_si128();
        ((any = _mm_or_si128(
              any, _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + step * sizeof any)))),
         ...);
        return any;
    };
    for (std::size_t at = 0; at < bytes.size(); at += stride) {
        const __m128i any =
            any_of(bytes.data() + at, std::make_index_sequence<stride / sizeof(__m128i)>{});
        if (_mm_movemask_epi8(_mm_cmpeq_epi8(any, _mm_setzero_si128())) != 0xffff)
            return false;
    }
    return true;
}

[[gnu::target("avx2")]] inline __m256i any_of_eight(const __m256i* from) {
    __m256i any = _mm256_loadu_si256(from);
    any = _mm256_or_si256(any, _mm256_loadu_si256(from + 1));
    any = _mm256_or_si256(any, _mm256_loadu_si256(from + 2));
    any = _mm256_or_si256(any, _mm256_loadu_si256(from + 3));
    any = _mm256_or_si256(any, _mm256_loadu_si256(from + 4));
    any = _mm256_or_si256(any, _mm256_loadu_si256(from + 5));
    any = _mm256_or_si256(any, _mm256_loadu_si256(from + 6));
    return _mm256_or_si256(any, _mm256_loadu_si256(from + 7));
}

[[gnu::target("avx2")]] bool is_zero_by_avx2(std::span<const std::byte> bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += stride) {
        const auto* const from = reinterpret_cast<const __m256i*>(bytes.data() + at);
        static_assert(stride == 16 * sizeof *from);
        const __m256i any = _mm256_or_si256(any_of_eight(from), any_of_eight(from + 8));
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
