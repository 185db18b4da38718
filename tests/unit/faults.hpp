// SPDX-License-Identifier: BSD-3-Clause
// Faults: makes any one of the points that a verb passes at its ports fail, or be its last.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <limits>
#include <map>
#include <string>

namespace xcl::test {

// What a port throws once the process is to count as killed: no effect, also not of clean-up.
class Killed final : public std::exception {
  public:
    [[nodiscard]] const char* what() const noexcept override { return "killed"; }
};

// A point is a call of the hypervisor or the network, the sending of an exchange, each request in
// it, and the way of its replies back. The fakes of a host share one count, which begins anew with
// each of the setters.
class Faults {
  public:
    void none() {
        set(Mode::none, never, 0);
        refused_.clear();
    }
    // The n-th point from now, counted from 0, fails with this errno; all others go well.
    void fail_at(std::size_t n, int error) { set(Mode::fail, n, error); }
    // From the n-th point on nothing happens any more.
    void kill_at(std::size_t n) { set(Mode::kill, n, 0); }

    // Every point of that name fails with this errno, besides.
    void refuse(const std::string& name, int error) { refused_[name] = error; }

    // Whether the point that was set has been passed, and what it was.
    [[nodiscard]] bool hit() const { return passed_ > point_; }
    [[nodiscard]] const std::string& what() const { return what_; }

    // Whether the process counts as killed by now.
    [[nodiscard]] bool killed() const { return mode_ == Mode::kill && hit(); }

    // What another process does just before the point of that name, once.
    void meanwhile(std::string before, std::function<void()> happens) {
        before_ = std::move(before);
        happens_ = std::move(happens);
    }

    // For the fakes: the errno to fail with, 0 to go on.
    [[nodiscard]] int pass(const std::string& name);

  private:
    enum class Mode { none, fail, kill };
    static constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

    void set(Mode mode, std::size_t point, int error) {
        mode_ = mode;
        point_ = point;
        error_ = error;
        passed_ = 0;
        what_.clear();
    }

    Mode mode_ = Mode::none;
    std::size_t point_ = never;
    int error_ = 0;
    std::size_t passed_ = 0;
    std::string what_;
    std::map<std::string, int> refused_;
    std::string before_;
    std::function<void()> happens_;
};

}  // namespace xcl::test
