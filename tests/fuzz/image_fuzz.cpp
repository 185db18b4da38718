// SPDX-License-Identifier: BSD-3-Clause
// libFuzzer target: any bytes as the image of a guest, with its checksums checked and, since no
// fuzzer finds one that fits, without. Whatever is accepted keeps the rules and can be written
// again; whatever is refused ends in one line of text; a stream is read as memory is.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "image/reader.hpp"
#include "image/writer.hpp"
#include "xcl/error.hpp"

namespace {

using namespace xcl::image;

void require(bool condition) {
    if (!condition)
        std::abort();
}

// What was taken is gone at the next call, as from a socket.
class StreamSource final : public ByteSource {
  public:
    explicit StreamSource(Bytes bytes) : rest_(bytes) {}

    [[nodiscard]] Bytes take(std::size_t count) override {
        const Bytes next = rest_.first(std::min(count, rest_.size()));
        taken_ = std::vector<std::byte>(next.begin(), next.end());
        rest_ = rest_.subspan(next.size());
        return taken_;
    }
    [[nodiscard]] std::optional<std::uint64_t> remaining() const override { return {}; }

  private:
    Bytes rest_;
    std::vector<std::byte> taken_;
};

class MemorySink final : public ByteSink {
  public:
    void write(std::span<const Bytes> parts) override {
        for (const Bytes part : parts)
            bytes.insert(bytes.end(), part.begin(), part.end());
    }

    std::vector<std::byte> bytes;
};

void check_line(const xcl::Error& error) {
    const std::string_view line = error.what();
    require(line.starts_with("input: ") && line.size() < 1000);
    require(std::none_of(line.begin(), line.end(),
                         [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; }));
}

unsigned sum_of(Bytes bytes) {
    unsigned sum = 0;
    for (const std::byte byte : bytes)
        sum += std::to_integer<unsigned>(byte);  // AddressSanitizer sees a wrong span
    return sum;
}

void check_stream(const WholeImage& whole) {
    require(fault_for_libxenguest(whole.guest).empty());
    require(whole.batches.empty() && whole.pages.count == 0);
    MemorySink sink;
    ImageWriter writer(sink, "again", whole.form);
    writer.begin_stream(whole.guest);
    for (const Bytes part : whole.stream) {
        require(!part.empty());
        static_cast<void>(sum_of(part));
        writer.part(part);
    }
    writer.end_stream();
    const WholeImage again = read_whole(sink.bytes, "again");
    require(again.stream.size() == whole.stream.size());
    require(std::ranges::equal(again.stream, whole.stream,
                               [](Bytes a, Bytes b) { return std::ranges::equal(a, b); }));
    require(again.guest.store == whole.guest.store);
}

void check_rules(const WholeImage& whole) {
    require(fault_of(whole.guest).empty());
    require(fault_of(whole.pages, whole.guest).empty());
    require(fault_of(whole.state, whole.pages, whole.guest).empty());
    unsigned sum = 0;
    std::uint64_t contents = 0;
    for (const PageBatch& batch : whole.batches) {
        require(batch.contents.size() == batch.pages.size() * page_size);
        contents += batch.pages.size();
        for (const PageId& page : batch.pages)
            require(page.pfn < whole.guest.pfn_end);
        for (const PageRun& run : batch.zeroed.runs)
            require(run.count > 0 && run.end() <= whole.guest.pfn_end);
        sum += sum_of(batch.contents);
    }
    static_cast<void>(sum);
    require(contents == whole.contents);
}

// Written again it is accepted with its checksums, and is the same guest.
void check_again(const WholeImage& whole) {
    constexpr std::uint64_t most = 1U << 14;  // what is laid out page by page must fit into memory
    if (whole.guest.memory_pages > most)
        return;
    const std::vector<PageId> pages = to_pages(whole.pages);
    const std::vector<std::byte> zero(page_size);
    MemorySink sink;
    ImageWriter writer(sink, "again", whole.form);
    writer.begin(whole.guest, pages);
    for (const PageBatch& batch : whole.batches) {
        for (std::size_t i = 0; i < batch.pages.size(); ++i)
            writer.page(batch.pages[i], batch.contents.subspan(i * page_size, page_size));
        for (const PageId& page : to_pages(batch.zeroed))
            writer.page(page, zero);
    }
    writer.end(whole.state, pages);
    const WholeImage again = read_whole(sink.bytes, "again");
    require(again.state == whole.state);
    require(to_pages(again.pages) == pages);
    require(again.guest.store == whole.guest.store);
    require(again.guest.config.vifs == whole.guest.config.vifs);
    require(again.guest.config.cpus_by_vcpu == whole.guest.config.cpus_by_vcpu);
}

bool accepts(Bytes bytes, Checks checks) {
    try {
        const WholeImage whole = read_whole(bytes, "input", checks);
        if (whole.form == MemoryForm::libxenguest) {
            check_stream(whole);
        } else {
            check_rules(whole);
            check_again(whole);
        }
        return true;
    } catch (const xcl::Error& error) {
        check_line(error);
        return false;
    }
}

bool accepts_stream(Bytes bytes, Checks checks) {
    try {
        StreamSource source(bytes);
        ImageReader reader(source, "input", checks);
        reader.begin();
        unsigned sum = 0;
        if (reader.form() == MemoryForm::libxenguest)
            while (const auto part = reader.next_part())
                sum += sum_of(*part);
        else
            while (const auto batch = reader.next_pages())
                sum += sum_of(batch->contents);
        static_cast<void>(sum);
        static_cast<void>(reader.end());
        return reader.bytes_read() == bytes.size();  // else something follows its end
    } catch (const xcl::Error& error) {
        check_line(error);
        return false;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes bytes = std::as_bytes(std::span(data, size));
    for (const Checks checks : {Checks::all, Checks::all_but_checksums})
        require(accepts(bytes, checks) == accepts_stream(bytes, checks));
    return 0;
}
