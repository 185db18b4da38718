// SPDX-License-Identifier: BSD-3-Clause
// Network: the guest's vifs, each a station that answers ARP and ping under its own address.
#include "network.hpp"

#include <algorithm>

#include "command_line.hpp"

namespace guest {

Vif::Vif(Events& events, XenStore& store, Grants& grants, Console& console)
    : store_(&store),
      console_(&console),
      netfront_(
          events, store, grants,
          {.subject = this,
           .answer = [](void* self, Bytes room,
                        std::size_t bytes) { return static_cast<Vif*>(self)->answer(room, bytes); },
           .connected = [](void* self) { static_cast<Vif*>(self)->connected(); },
           .broken =
               [](void* self) {
                   auto& vif = *static_cast<Vif*>(self);
                   vif.console_->write(
                       vif.said()
                           .add("the backend broke the ring protocol; connecting anew\n")
                           .view());
               }}) {}

void Vif::start(Memory& memory, unsigned number, std::string_view wished) {
    number_ = number;
    const Text directory = Text{}.add("device/vif/").decimal(number);
    const auto mac_text = store_->read(Text{directory}.add("/mac").view());
    const auto mac = parse_mac(mac_text.ok ? mac_text.text : std::string_view{});
    if (!mac) {
        console_->write(said().add("no MAC address\n").view());
        return;
    }
    station_.mac = *mac;
    const auto backend_text = store_->read(Text{directory}.add("/backend").view());
    if (!backend_text.ok) {
        console_->write(said().add("no backend\n").view());
        return;
    }
    const Text backend = Text{}.add(backend_text.text);
    find_address(wished, backend.view());
    if (!netfront_.attach(memory, number, backend.view()))
        console_->write(said().add("not connected: no memory, or no such backend\n").view());
}

// Several addresses may be given to a vif (xl-network-configuration): the first one is taken.
void Vif::find_address(std::string_view wished, std::string_view backend) {
    if (wished.empty()) {
        const auto given = store_->read(Text{}.add(backend).add("/ip").view());
        if (!given.ok)
            return;
        wished = given.text.substr(0, given.text.find(' '));
    }
    const auto parsed = parse_ipv4(wished);
    has_address_ = parsed.has_value();
    if (has_address_)
        station_.ip = *parsed;
    else if (!wished.empty())
        console_->write(said().add("\"").add(wished).add("\" is no address for it\n").view());
}

void Vif::connected() {
    Text text = said();
    add_mac(text, station_.mac);
    if (has_address_)
        add_ipv4(text.add(" "), station_.ip);
    else
        text.add(", no address: it answers nothing");
    console_->write(text.add("\n").view());
    if (has_address_)
        netfront_.send(announcement(station_));
}

std::size_t Vif::answer(Bytes room, std::size_t bytes) {
    if (!has_address_)
        return 0;
    const std::size_t answer_bytes = answer_ethernet(station_, room, bytes);
    // Of IPv4 only pings are answered.
    if (answer_bytes != 0 && carries_ipv4(room))
        ++pings_;
    return answer_bytes;
}

Text Vif::said() const {
    return Text{}.add("vif ").decimal(number_).add(": ");
}

Network::Network(Memory& memory, Events& events, XenStore& store, Grants& grants, Console& console)
    : memory_(&memory),
      store_(&store),
      grants_(&grants),
      console_(&console),
      vifs_{{events, store, grants, console},
            {events, store, grants, console},
            {events, store, grants, console},
            {events, store, grants, console}} {}

std::uint64_t Network::pings() const {
    std::uint64_t sum = 0;
    for (const Vif& vif : vifs_)
        sum += vif.pings();
    return sum;
}

void Network::start(std::string_view line) {
    for (Vif& vif : vifs_)
        vif.forget();
    // Names are numbers, each ended by a zero. All are read before the next request.
    bool given[max_vifs] = {};
    const auto listed = store_->list("device/vif");
    std::string_view names = listed.ok ? listed.text : std::string_view{};
    bool too_many = false;
    while (!names.empty()) {
        const std::string_view name = names.substr(0, names.find('\0'));
        names.remove_prefix(std::min(names.size(), name.size() + 1));
        if (name.size() == 1 && name[0] >= '0' && name[0] < static_cast<char>('0' + max_vifs))
            given[name[0] - '0'] = true;
        else
            too_many = true;
    }
    if (too_many)
        console_->write("vif 4 and above: not used by this guest\n");
    for (unsigned number = 0; number < max_vifs; ++number) {
        if (!given[number])
            continue;
        if (!grants_->set_up()) {
            console_->write("no grant table: no network\n");
            return;
        }
        Text key = Text{}.add("ip");
        if (number > 0)
            key.decimal(number);
        vifs_[number].start(*memory_, number, option(line, key.view()));
    }
}

}  // namespace guest
