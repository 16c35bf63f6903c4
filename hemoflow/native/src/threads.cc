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
      claims_.store(next(0));
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
  }

  int count() const { return count_; }
  bool alive() const { return owner_ == getpid(); }  // threads do not survive a fork

  // Parts are claimed one after the other: a thread that comes late, since it slept or the processor serves somebody else, finds its
  // part done by another.
  void run(const std::function<void(int, int)>& body, int parts) {
    body_ = &body;
    parts_ = parts;
    done_.store(0);
    const uint64_t job = next(uint64_t(parts));
    {
      std::lock_guard<std::mutex> hold(sleep_);
      claims_.store(job);
    }
    if (sleepers_.load() > 0) wake_.notify_all();
    claim(job & ~kLeft);
    for (int spin = 0; done_.load() < parts_; ++spin) {
      if (spin < kSpins) relax_cpu(); else std::this_thread::yield();
    }
  }

 private:
  // The upper half of the claims counts jobs, the lower one the parts of this job that nobody has taken. Whoever takes one keeps the job,
  // with its body and parts, from ending.
  static constexpr uint64_t kLeft = 0xffffffff;

  uint64_t next(uint64_t parts) const { return ((claims_.load() | kLeft) + 1) | parts; }

  void claim(uint64_t job) {
    for (uint64_t now = claims_.load(); (now & ~kLeft) == job && (now & kLeft) > 0;) {
      if (!claims_.compare_exchange_weak(now, now - 1)) continue;
      (*body_)(parts_ - int(now & kLeft), parts_);
      done_.fetch_add(1);
      now = claims_.load();
    }
  }

  void work() {
    uint64_t seen = 0;
    const auto fresh = [&] { return (claims_.load() & ~kLeft) != seen; };
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
      seen = claims_.load() & ~kLeft;
      if (stop_) return;
      claim(seen);
    }
  }

  int count_, parts_ = 0;
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

void parallel(const std::function<void(int, int)>& body, int parts) {
  std::lock_guard<std::mutex> hold(team_lock);
  if (team == nullptr || team->count() != wanted || !team->alive()) {
    if (team != nullptr && team->alive()) delete team;
    team = new Team(wanted);
  }
  team->run(body, parts);
}

}  // namespace hemoflow
