#include "threads.hpp"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <unistd.h>

namespace hemoflow {
namespace {

constexpr int kSpins = 2000;   // about 20 us: longer than the pause between most loops of one step
constexpr int kYields = 100;   // about as long again, for the processor's other work: waking a thread that sleeps takes longer than a loop

inline void relax_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

class Team {
 public:
  explicit Team(int count) : count_(count), owner_(getpid()) {
    for (int part = 1; part < count; ++part) workers_.emplace_back([this] { work(); });
  }

  ~Team() {
    {
      std::lock_guard<std::mutex> hold(sleep_);
      stop_ = true;
      claims_.store((claims_.load() | kPart) + 1);
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
  }

  int count() const { return count_; }
  bool alive() const { return owner_ == getpid(); }  // threads do not survive a fork

  // Parts are claimed one after the other: a thread that comes late, since it slept or the processor serves somebody else, finds its
  // part done by another.
  void run(const std::function<void(int, int)>& body) {
    body_ = &body;
    done_.store(0);
    {
      std::lock_guard<std::mutex> hold(sleep_);
      claims_.store((claims_.load() | kPart) + 1);
    }
    if (sleepers_.load() > 0) wake_.notify_all();
    claim(claims_.load() & ~kPart);
    for (int spin = 0; done_.load() < count_; ++spin) {
      if (spin < kSpins) relax_cpu(); else std::this_thread::yield();
    }
  }

 private:
  // The upper half of the claims counts jobs, the lower one the parts of this job that are taken.
  static constexpr uint64_t kPart = 0xffffffff;

  void claim(uint64_t job) {
    for (uint64_t now = claims_.load(); (now & ~kPart) == job && int(now & kPart) < count_;) {
      if (!claims_.compare_exchange_weak(now, now + 1)) continue;
      (*body_)(int(now & kPart), count_);
      done_.fetch_add(1);
      now = claims_.load();
    }
  }

  void work() {
    uint64_t seen = 0;
    const auto fresh = [&] { return (claims_.load() & ~kPart) != seen; };
    while (true) {
      for (int spin = 0; spin < kSpins + kYields && !fresh(); ++spin) {
        if (spin < kSpins) relax_cpu(); else std::this_thread::yield();
      }
      if (!fresh()) {
        std::unique_lock<std::mutex> hold(sleep_);
        sleepers_.fetch_add(1);
        wake_.wait(hold, fresh);
        sleepers_.fetch_sub(1);
      }
      seen = claims_.load() & ~kPart;
      if (stop_) return;
      claim(seen);
    }
  }

  int count_;
  pid_t owner_;
  std::vector<std::thread> workers_;
  std::mutex sleep_;
  std::condition_variable wake_;
  std::atomic<uint64_t> claims_{0};
  std::atomic<int> done_{0}, sleepers_{0};
  std::atomic<bool> stop_{false};
  const std::function<void(int, int)>* body_ = nullptr;
};

std::mutex team_lock;
std::atomic<int> wanted{1};
Team* team = nullptr;  // never deleted at exit: a worker may still be running then

}  // namespace

void set_thread_count(int count) { wanted = count < 1 ? 1 : count; }

int thread_count() { return wanted; }

void parallel(const std::function<void(int, int)>& body) {
  std::lock_guard<std::mutex> hold(team_lock);
  if (team == nullptr || team->count() != wanted || !team->alive()) {
    if (team != nullptr && team->alive()) delete team;
    team = new Team(wanted);
  }
  team->run(body);
}

}  // namespace hemoflow
