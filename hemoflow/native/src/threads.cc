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

constexpr int kSpins = 2000;  // about 20 us: longer than the pause between two loops of one step

inline void relax_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

class Team {
 public:
  explicit Team(int count) : count_(count), owner_(getpid()) {
    for (int part = 1; part < count; ++part) workers_.emplace_back([this, part] { work(part); });
  }

  ~Team() {
    {
      std::lock_guard<std::mutex> hold(sleep_);
      stop_ = true;
      job_.fetch_add(1);
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
  }

  int count() const { return count_; }
  bool alive() const { return owner_ == getpid(); }  // threads do not survive a fork

  void run(const std::function<void(int, int)>& body) {
    body_ = &body;
    waiting_.store(count_ - 1);
    {
      std::lock_guard<std::mutex> hold(sleep_);
      job_.fetch_add(1);
    }
    if (sleepers_.load() > 0) wake_.notify_all();
    body(0, count_);
    for (int spin = 0; waiting_.load() > 0; ++spin) {
      if (spin < kSpins) relax_cpu(); else std::this_thread::yield();
    }
  }

 private:
  void work(int part) {
    uint64_t seen = 0;
    while (true) {
      for (int spin = 0; spin < kSpins && job_.load() == seen; ++spin) relax_cpu();
      if (job_.load() == seen) {
        std::unique_lock<std::mutex> hold(sleep_);
        sleepers_.fetch_add(1);
        wake_.wait(hold, [&] { return job_.load() != seen; });
        sleepers_.fetch_sub(1);
      }
      seen = job_.load();
      if (stop_) return;
      (*body_)(part, count_);
      waiting_.fetch_sub(1);
    }
  }

  int count_;
  pid_t owner_;
  std::vector<std::thread> workers_;
  std::mutex sleep_;
  std::condition_variable wake_;
  std::atomic<uint64_t> job_{0};
  std::atomic<int> waiting_{0}, sleepers_{0};
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
