// SPDX-License-Identifier: BSD-3-Clause
// Writes an image with a fault, whose checksums fit: what a hostile hand would write.
#include <array>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "image/file.hpp"
#include "image_parts.hpp"

namespace {

using namespace xcl;
using test::Fault;

std::array<std::span<const Fault>, 5> all_faults() {
    return {test::table_faults(), test::state_faults(), test::context_faults(),
            test::description_faults(), test::stream_faults()};
}

const Fault* find_fault(std::string_view name) {
    for (const std::span<const Fault> faults : all_faults())
        for (const Fault& fault : faults)
            if (fault.name == name)
                return &fault;
    return nullptr;
}

void write_faulty(const std::string& good, const Fault& fault, const std::string& bad) {
    const image::MappedFile file(good);
    test::ImageParts parts = test::take_apart(file.bytes(), good);
    fault.make(parts);
    const test::ByteVector bytes = test::put_together(parts);
    image::ImageFile to(bad, image::Overwrite::yes);
    const std::array<image::Bytes, 1> all{bytes};
    to.write(all);
    to.commit();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 2 && std::string_view(argv[1]) == "--list") {
        for (const std::span<const Fault> faults : all_faults())
            for (const Fault& fault : faults)
                std::puts(std::string(fault.name).c_str());
        return 0;
    }
    const Fault* const fault = argc == 4 ? find_fault(argv[2]) : nullptr;
    if (fault == nullptr) {
        std::fputs("Usage: faulty-image IMAGE FAULT NEW-IMAGE\n       faulty-image --list\n",
                   stderr);
        return 2;
    }
    try {
        write_faulty(argv[1], *fault, argv[3]);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "faulty-image: %s\n", error.what());
        return 1;
    }
    return 0;
}
