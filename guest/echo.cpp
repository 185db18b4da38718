// SPDX-License-Identifier: BSD-3-Clause
// Echo: what this guest does. Shows what is typed, and answers each line with itself.
#include "echo.hpp"

namespace guest {

namespace {
constexpr std::size_t chunk_bytes = 64;
constexpr char backspace = 0x08;
constexpr char delete_key = 0x7f;
}  // namespace

Echo::Echo(Console& console) : console_(&console) {
    console.listen([](void* self) { static_cast<Echo*>(self)->serve(); }, this);
}

// Reads no more than it has room to answer; xenconsoled's next event, when it has taken output,
// goes on from there. A byte costs at most 7: its echo, its answer, and two line ends.
void Echo::serve() {
    char chunk[chunk_bytes];
    bool any = false;
    while (console_->room() >= sizeof line_ + 7 * chunk_bytes) {
        const std::size_t count = console_->read(chunk);
        if (count == 0)
            break;
        any = true;
        for (const char byte : std::string_view{chunk, count})
            type(byte);
    }
    if (any)
        console_->send();
}

void Echo::type(char byte) {
    const bool second_of_pair = byte == '\n' && after_return_;
    after_return_ = byte == '\r';
    if (second_of_pair)
        return;
    if (byte == '\r' || byte == '\n') {
        end_line();
    } else if (byte == backspace || byte == delete_key) {
        if (used_ > 0) {
            --used_;
            console_->put("\b \b");
        }
    } else {
        console_->put({&byte, 1});
        line_[used_++] = byte;
        if (used_ == sizeof line_)
            end_line();
    }
}

void Echo::end_line() {
    console_->put("\n");
    if (used_ == 0)
        return;
    console_->put({line_, used_});
    console_->put("\n");
    used_ = 0;
    ++lines_;
}

}  // namespace guest
