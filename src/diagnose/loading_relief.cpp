// SPDX-License-Identifier: Apache-2.0
#include "diagnose/loading_relief.hpp"

#include <fmt/core.h>

#include <cmath>
#include <limits>
#include <utility>

#include "diagnose/explanation.hpp"
#include "diagnose/relief.hpp"

namespace millrace::diagnose {
namespace {

std::string loading_part_words(const LoadingTask& task, LoadingPart part) {
  return part == &LoadingTimes::read_s   ? "storage"
         : part == &LoadingTimes::copy_s ? "the copy into the GPUs"
                                         : task.fixed_name;
}

std::string loading_resource(const LoadingTask& task, const HopRate& read, const HopRate& copy,
                             LoadingPart part) {
  if (part == nullptr) return {};
  return part == &LoadingTimes::read_s   ? read.resource
         : part == &LoadingTimes::copy_s ? copy.resource
                                         : task.fixed_name;
}

LoadingPart longest_besides(const LoadingTimes& times, LoadingPart left_out) {
  LoadingPart longest = nullptr;
  for (const LoadingPart part : {&LoadingTimes::read_s, &LoadingTimes::copy_s, &LoadingTimes::fixed_s})
    if (part != left_out && times.*part > 0 && (longest == nullptr || times.*part > times.*longest))
      longest = part;
  return longest;
}

}  // namespace

std::vector<LoadingRelief> relieve_loading(const LoadingTask& task, const LoadingTimes& times) {
  std::vector<LoadingPart> order{&LoadingTimes::read_s, &LoadingTimes::copy_s};
  if (times.copy_s > times.read_s) std::swap(order[0], order[1]);
  const double left = task.wanted_s - times.fixed_s;
  if (left <= 0) order.insert(order.begin(), &LoadingTimes::fixed_s);
  const auto at = [&](std::size_t count, double factor) {
    LoadingTimes mended = times;
    for (std::size_t i = 0; i < count; ++i) mended.*order[i] /= factor;
    return mended.whole_s(task.streamed);
  };
  constexpr double kEndless = 1e12;
  std::vector<LoadingRelief> steps;
  if (task.streamed && left > 0) {
    for (const LoadingPart part : order)
      if (times.*part > left) steps.push_back({part, rounded_up(times.*part / left), times.*part / left});
  } else {
    std::size_t count = 1;
    while (count < order.size() && at(count, kEndless) >= task.wanted_s) ++count;
    double low = 1, high = kEndless;
    for (int i = 0; i < 100; ++i) {
      const double middle = std::sqrt(low * high);
      (at(count, middle) <= task.wanted_s ? high : low) = middle;
    }
    for (std::size_t i = 0; i < count; ++i) steps.push_back({order[i], rounded_up(high), high});
  }
  LoadingTimes mended = times;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const LoadingTimes before = mended;
    mended.*steps[i].what /= steps[i].factor;
    steps[i].whole_s = mended.whole_s(task.streamed);
    steps[i].next = i + 1 < steps.size() ? steps[i + 1].what : longest_besides(before, steps[i].what);
  }
  return steps;
}

std::string loading_relief_words(const LoadingTask& task, const HopRate& read, const HopRate& copy,
                                 const std::vector<LoadingRelief>& relief) {
  std::string out;
  for (const LoadingRelief& step : relief) {
    const bool storage = step.what == &LoadingTimes::read_s;
    const std::string name = loading_part_words(task, step.what);
    out += out.empty() ? fmt::format(" Mend {}: ", name) : fmt::format(", and {}: ", name);
    if (step.what == &LoadingTimes::fixed_s) {
      out += fmt::format("it takes {} alone, and has to be {:.3g} × as fast", time_words(task.fixed_s),
                         step.factor);
      continue;
    }
    const double rate = storage ? read.mean : copy.mean;
    out += fmt::format("it takes {}{} where there {} {}", rate_words(rate * step.least),
                       storage && task.gpus > 1 ? fmt::format(" for {} GPUs together", task.gpus) : "",
                       storage ? "is" : "are", rate_words(rate));
  }
  if (out.empty()) return out;
  const LoadingPart next = relief.back().next;
  return out +
         (next ? fmt::format("; then {} takes most.", loading_part_words(task, next)) : std::string("."));
}

void add_loading_relief(const LoadingTask& task, const HopRate& read, const HopRate& copy,
                        const std::vector<LoadingRelief>& relief, record::Diagnosis& diagnosis) {
  for (const LoadingRelief& step : relief) {
    diagnosis.relief.push_back({loading_resource(task, read, copy, step.what), step.factor,
                                loading_resource(task, read, copy, step.next),
                                std::numeric_limits<double>::quiet_NaN(), step.whole_s});
    const bool fixed = step.what == &LoadingTimes::fixed_s;
    const double now = step.what == &LoadingTimes::read_s ? read.mean : fixed ? task.fixed_s : copy.mean;
    Sum sum(fixed ? figure::seconds(now) : figure::rate(now));
    const Figure times = figure::count(step.factor);
    diagnosis.explanation.push_back(
        {part::kRelief,
         fmt::format("{}{} {:.4g} times as fast: {} after {}, then {} takes most",
                     &step == &relief.front() ? "" : "and ", loading_part_words(task, step.what), step.factor,
                     task.done, time_words(step.whole_s),
                     step.next ? loading_part_words(task, step.next) : "nothing"),
         fixed ? sum.over(times).equals(figure::seconds(now / step.factor))
               : sum.times(times).equals(figure::rate(now * step.factor)),
         {}});
  }
}

}  // namespace millrace::diagnose
