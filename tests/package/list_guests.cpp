// SPDX-License-Identifier: BSD-3-Clause
// Prints the ids of this host's guests, or why there are none to see.
#include <iostream>

#include "xcl/toolstack.hpp"

int main() {
    try {
        xcl::Toolstack toolstack;
        for (const xcl::DomainInfo& guest : toolstack.list())
            std::cout << guest.id.value() << '\n';
    } catch (const xcl::Error& error) {
        std::cout << error.what() << '\n';
        return error.kind() == xcl::ErrorKind::no_xen ? 0 : 1;
    }
    return 0;
}
