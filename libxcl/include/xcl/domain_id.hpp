// SPDX-License-Identifier: BSD-3-Clause
// DomainId: the number Xen gives a domain, and the only address a guest has here.
#pragma once

#include <compare>
#include <cstdint>

namespace xcl {

class DomainId {
  public:
    // Xen's DOMID_FIRST_RESERVED (xen/xen.h): ids from here on name no guest.
    static constexpr std::uint16_t first_reserved = 0x7FF0;

    constexpr explicit DomainId(std::uint16_t value) noexcept : value_(value) {}

    [[nodiscard]] constexpr std::uint16_t value() const noexcept { return value_; }

    // clang-tidy 14 takes the 0 that <=> is compared with for a null pointer.
    // NOLINTNEXTLINE(modernize-use-nullptr)
    friend constexpr auto operator<=>(DomainId, DomainId) noexcept = default;

  private:
    std::uint16_t value_;
};

// Domain 0, the control domain: the one that no verb may stop or destroy.
inline constexpr DomainId control_domain{0};

}  // namespace xcl
