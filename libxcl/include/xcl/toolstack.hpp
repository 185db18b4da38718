// SPDX-License-Identifier: BSD-3-Clause
// Toolstack: the face of libxcl. Opens the host once and runs the verbs on it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "xcl/domain_id.hpp"
#include "xcl/domain_info.hpp"
#include "xcl/error.hpp"
#include "xcl/guest_config.hpp"
#include "xcl/host.hpp"
#include "xcl/link.hpp"
#include "xcl/network.hpp"
#include "xcl/timings.hpp"

namespace xcl {

struct CreatedGuest {
    DomainId id{0};
    std::string name;
    std::chrono::nanoseconds took{0};  // from the first hypercall for it to the last
};

struct CreateOptions {
    unsigned count = 1;           // more than one: each is named NAME-ID
    bool paused = false;          // leave them paused
    bool wait_connected = false;  // a guest is whole only when its vifs' frontends are connected
    bool keep_failed = false;     // one whose vifs cannot be attached stays, paused
    // How long a guest may wait for its interfaces, and with wait_connected for its frontends.
    std::chrono::milliseconds timeout{10'000};
    // Called after each guest is whole. An exception from it ends the batch; that guest stays.
    std::function<void(const CreatedGuest&)> on_created = {};
};

struct AttachOptions {
    bool wait_connected = false;
    std::chrono::milliseconds timeout{10'000};  // for the interface, and for the frontend
};

struct DetachOptions {
    bool force = false;                         // do not ask the guest
    std::chrono::milliseconds timeout{10'000};  // for the guest's answer
};

struct GuestDetails {
    DomainInfo domain;
    std::string name;     // empty if XenStore has none
    std::string console;  // path of its terminal, empty if it has none (yet)
    std::vector<VifInfo> vifs;
};

enum class EndRequest { poweroff, reboot };

struct EndedGuest {
    DomainId id{0};
    std::optional<ShutdownReason> reason;  // nothing: the domain was gone before it could be asked
    bool collected = false;                // its remains were destroyed
};

struct SuspendOptions {
    bool keep = false;                          // the guest runs on: the image is a checkpoint
    bool overwrite = false;                     // a file of that name is replaced
    std::chrono::milliseconds timeout{10'000};  // for the guest's answer
};

struct SuspendedGuest {
    DomainId id{0};
    std::string name;
    std::uint64_t bytes = 0;                  // of the file
    std::uint64_t pages = 0;                  // whose contents are in it: the others are zero
    std::string declined = {};                // why libxenguest had to save its memory (as a stream
                                              // in which `pages` are not told); empty if not
    std::chrono::nanoseconds took{0};         // in all
    std::chrono::nanoseconds stood_still{0};  // of that, from its suspension on
};

struct ResumeOptions {
    unsigned count = 1;  // more than one: each is named NAME-ID and has MAC addresses of its own
    bool paused = false;
    bool new_macs = false;         // MAC addresses of its own also for a single one
    std::string switch_name = {};  // plug all vifs in there; empty: where they were
    bool wait_connected = false;
    std::chrono::milliseconds timeout{10'000};  // as CreateOptions has it
    // Called after each guest is whole, as CreateOptions has it.
    std::function<void(const CreatedGuest&)> on_resumed = {};
};

// What one round over a guest's pages sent.
struct MigrationRound {
    std::uint64_t pages = 0;  // whose contents were not those that the destination had
    std::uint64_t known_pages =
        0;  // of these, that it found elsewhere: their contents were not sent
    std::uint64_t bytes = 0;
};

struct MigrateOptions {
    std::string switch_name = {};  // the destination plugs all vifs in there; empty: where
                                   // they were, by name
    std::chrono::milliseconds timeout{10'000};  // for the guest's answer
    // How long the destination may be silent. Once the guest stands still it runs on after that.
    std::chrono::milliseconds patience{30'000};
    // Called after each round while the guest runs.
    std::function<void(const MigrationRound&)> on_round = {};
    // Called before anything is sent if libxenguest has to save the guest, with the reason: it
    // stands still for as long as that takes.
    std::function<void(DomainId id, const std::string& why)> on_declined = {};
};

struct MigratedGuest {
    DomainId id{0};     // that it had here
    DomainId there{0};  // that it has there
    std::string name;
    std::uint64_t bytes = 0;             // sent, in all
    std::vector<MigrationRound> rounds;  // the guest stood still in the last one
    std::string declined = {};           // as in SuspendedGuest: there was one round only
    std::chrono::nanoseconds took{0};
    // From the request to suspend to the word that it runs there: its downtime, and a little more.
    std::chrono::nanoseconds stood_still{0};
};

struct ReceiveOptions {
    std::string switch_name = {};  // as in MigrateOptions; the source's wish goes first
    std::chrono::milliseconds timeout{10'000};  // for the interfaces
    std::chrono::milliseconds patience{30'000};
    // Where kernels lie whose pages need not be sent.
    std::vector<std::string> kernel_directories = {};
};

struct ReceivedGuest {
    DomainId id{0};
    std::string name;
    std::chrono::nanoseconds took{0};
};

enum class ReapCause {
    ended,       // it ended by itself
    unfinished,  // the process that was creating it died
    leftover,    // its destruction was cut short: a domain without record
    orphan,      // a record without a domain
};

struct Reaped {
    DomainId id{0};
    ReapCause cause = ReapCause::ended;
};

// Not thread-safe; make one for each thread. Every member throws Error.
class Toolstack {
  public:
    // Receives lines for people, without their newlines.
    using Log = std::function<void(std::string_view)>;

    struct Options {
        Log log = {};             // what is being done, and what the libraries below have to say
        bool take_times = false;  // for timings()
    };

    // Opens the hypervisor. Throws Error{no_xen} where there is none, and Error{failed} without
    // the rights to use it. XenStore is opened by the first verb that needs it.
    Toolstack();
    explicit Toolstack(Options options);
    ~Toolstack();
    Toolstack(Toolstack&&) noexcept;
    Toolstack& operator=(Toolstack&&) noexcept;
    Toolstack(const Toolstack&) = delete;
    Toolstack& operator=(const Toolstack&) = delete;

    // Creates options.count guests of one config. The kernel is read once. A guest runs only when
    // its vifs are on their switches; guests do not wait for each other's. Either a guest is whole
    // or nothing of it is left; when one fails, those that are whole stay and the Error is thrown.
    std::vector<CreatedGuest> create(const GuestConfig& config, const CreateOptions& options = {});

    // Ends the domains at once and removes their records, also those that other toolstacks made.
    // Checks all ids before it touches the first one.
    void destroy(std::span<const DomainId> ids);

    void pause(std::span<const DomainId> ids);
    void unpause(std::span<const DomainId> ids);

    // Lets all vCPUs of the guests run on these CPUs only; empty: wherever Xen likes. Checks ids
    // and CPUs before it touches the first guest. CPUs that the host lacks are refused, unless the
    // list ends with GuestConfig::max_cpu ("all,^2"): then they are passed over.
    void pin(std::span<const DomainId> ids, const CpuList& cpus);

    // Gives a guest one vif more, and returns its number once its interface is on its switch.
    std::uint16_t attach(DomainId id, const VifConfig& vif, const AttachOptions& options = {});
    // Takes a vif from a guest: asks its frontend to let go, and removes it then. A frontend that
    // does not answer keeps its vif, and Error is thrown.
    void detach(const VifId& vif, const DetachOptions& options = {});
    // The vifs of these guests, in their order.
    [[nodiscard]] std::vector<VifInfo> vifs(std::span<const DomainId> ids);

    // The switches of this host, with what is plugged in.
    [[nodiscard]] std::vector<SwitchDetails> switches();
    // Makes a bridge, or takes one that exists, and marks it as a switch.
    void add_switch(const SwitchSpec& spec);
    // Takes the mark off, and removes a bridge that add_switch made. Throws Error while guests are
    // plugged into it.
    void remove_switch(const std::string& name);

    // Asks the guests to end, through control/shutdown; returns when they are asked.
    void request_end(std::span<const DomainId> ids, EndRequest request);

    // Asks and sleeps until each has ended, `timeout` at the longest (then throws Error naming
    // those that have not). An ended guest of ours is collected unless its config says preserve.
    std::vector<EndedGuest> end_and_wait(std::span<const DomainId> ids, EndRequest request,
                                         std::chrono::milliseconds timeout);

    // Asks the guest to suspend, by its suspend event channel or control/shutdown, sleeps until it
    // has, writes its image and destroys it. The file has its name only once it is whole and
    // flushed, and the guest is destroyed only after that; until then a failure lets it run on. So
    // does a guest that does not answer in time. A guest that stands suspended, since the process
    // that did this was killed, is taken as it is.
    SuspendedGuest suspend(DomainId id, const std::string& file,
                           const SuspendOptions& options = {});

    // Lets guests that stand suspended run on where they are.
    void wake(std::span<const DomainId> ids);

    // Reads the image whole and checks all of it, then makes guests of it as create does. The file
    // stays.
    std::vector<CreatedGuest> resume(const std::string& file, const ResumeOptions& options = {});

    // Moves a guest to the host at the other end, which runs receive: sends its memory while it
    // runs, then suspends it, sends the rest and destroys it once it runs there. Until it is told
    // to start it there, any failure lets it run on here. If the connection is lost after that, it
    // stays here suspended and in doubt, and the Error says how to settle that.
    MigratedGuest migrate(DomainId id, Link& link, const MigrateOptions& options = {});

    // Takes a guest in that the other end migrates; nothing if it only asks after one. What fails
    // is undone, and the other end hears why.
    std::optional<ReceivedGuest> receive(Link& link, const ReceiveOptions& options = {});

    // Ends the doubt over a guest: asks the host that it was sent to. If it runs there, its copy
    // here is destroyed, and the id that it has there is returned. Nothing: that host does not have
    // it, and nothing was done, for it may have been there. Throws Error while that host still
    // waits for it.
    std::optional<DomainId> settle(DomainId id, Link& link, std::chrono::milliseconds patience);
    // The same without asking: it was never started there, and runs on here.
    void settle_here(DomainId id);

    // Everything the hypervisor lists, domain 0 included, ascending. Asks XenStore nothing.
    [[nodiscard]] std::vector<DomainInfo> list();

    // Where the vCPUs of these domains may run, one list for each vCPU from 0 on; an empty one:
    // wherever Xen likes. A domain that is gone by now has none. One exchange with the hypervisor
    // for dozens of vCPUs.
    [[nodiscard]] std::vector<std::vector<CpuList>> cpus(std::span<const DomainInfo> domains);

    // The names of these domains, in one exchange with XenStore; empty where there is none.
    [[nodiscard]] std::vector<std::string> names(std::span<const DomainId> ids);

    [[nodiscard]] GuestDetails info(DomainId id);

    // The one place that looks a name up, by asking for all names. Throws Error when no domain has
    // it, or when several have.
    [[nodiscard]] DomainId find(const std::string& name);

    // The path of the guest's terminal. Sleeps until xenconsoled offers it, `timeout` at the
    // longest. Throws Error when the guest was created without a console.
    [[nodiscard]] std::string console_path(DomainId id, std::chrono::milliseconds timeout);

    // Collects guests of ours that ended (unless their config says preserve), what killed
    // processes left half made or half destroyed, and records whose domain is gone.
    std::vector<Reaped> reap();

    // All that limits how many guests this host carries, what is there and what they need.
    [[nodiscard]] std::vector<HostItem> check_host(const HostDemand& demand);

    // Sets what falls short of the demand and can be set, until the next boot; what is set already
    // is left alone. Returns what falls short still. Not undone when a setting fails: the Error
    // says which, and those before it stay.
    std::vector<HostItem> prepare_host(const HostDemand& demand,
                                       const PrepareOptions& options = {});

    // Spent so far in this Toolstack; zero unless Options::take_times.
    [[nodiscard]] Timings timings() const noexcept;

  private:
    struct Host;
    std::unique_ptr<Host> host_;
};

}  // namespace xcl
