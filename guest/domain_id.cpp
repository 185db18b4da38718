// SPDX-License-Identifier: BSD-3-Clause
// The guest's own domain id, which neither start_info nor XenStore carries.
#include "domain_id.hpp"

#include "hypercall.hpp"

namespace guest {

// An event channel offered to DOMID_SELF is kept, and shown again, under the real id.
domid_t own_domain_id() {
    evtchn_alloc_unbound offer{};
    offer.dom = DOMID_SELF;
    offer.remote_dom = DOMID_SELF;
    if (event_channel_op(EVTCHNOP_alloc_unbound, offer) != 0)
        return DOMID_SELF;

    evtchn_status status{};
    status.dom = DOMID_SELF;
    status.port = offer.port;
    const bool told =
        event_channel_op(EVTCHNOP_status, status) == 0 && status.status == EVTCHNSTAT_unbound;

    evtchn_close close{offer.port};
    event_channel_op(EVTCHNOP_close, close);
    return told ? status.u.unbound.dom : domid_t{DOMID_SELF};
}

}  // namespace guest
