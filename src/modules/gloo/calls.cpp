// SPDX-License-Identifier: Apache-2.0
#include "modules/gloo/calls.hpp"

#include <gloo/allgather.h>
#include <gloo/allreduce.h>
#include <gloo/alltoall.h>
#include <gloo/broadcast.h>
#include <gloo/math.h>
#include <gloo/reduce_scatter.h>
#include <gloo/types.h>

#include <type_traits>

namespace millrace::gloo {
namespace {

using collective::Collective;
using collective::ElementType;
using collective::Operation;

using Context = std::shared_ptr<::gloo::Context>;
using Reduction = void (*)(void*, const void*, const void*, std::size_t);

constexpr std::uint32_t kTag = 1, kTimesTag = 2;  // of what may be under way at one time

template <typename T>
T* elements_of(std::span<std::byte> array) {
  return reinterpret_cast<T*>(array.data());
}

// The type by which Gloo computes, or one of the same size where nothing is computed.
Call with_type(ElementType type, const auto& make) {
  switch (type) {
    case ElementType::kInt8:
      return make(std::type_identity<std::int8_t>{});
    case ElementType::kInt32:
      return make(std::type_identity<std::int32_t>{});
    case ElementType::kHalf:
    case ElementType::kBfloat16:
      return make(std::type_identity<::gloo::float16>{});
    case ElementType::kFloat:
      return make(std::type_identity<float>{});
    case ElementType::kDouble:
      return make(std::type_identity<double>{});
  }
  return {};
}

template <typename T>
Reduction reduction_of(Operation operation) {
  switch (operation) {
    case Operation::kProduct:
      return &::gloo::product<T>;
    case Operation::kMinimum:
      return &::gloo::min<T>;
    case Operation::kMaximum:
      return &::gloo::max<T>;
    default:
      return &::gloo::sum<T>;
  }
}

template <typename T>
const ::gloo::ReductionFunction<T>* function_of(Operation operation) {
  using Function = ::gloo::ReductionFunction<T>;
  switch (operation) {
    case Operation::kProduct:
      return Function::product;
    case Operation::kMinimum:
      return Function::min;
    case Operation::kMaximum:
      return Function::max;
    default:
      return Function::sum;
  }
}

template <typename T>
Call all_reduce(const Context& context, const Settings& s, const Turn& turn) {
  const auto options = std::make_shared<::gloo::AllreduceOptions>(context);
  const std::size_t count = turn.output.size() / sizeof(T);
  if (!s.in_place) options->setInput(elements_of<T>(turn.input), count);
  options->setOutput(elements_of<T>(turn.output), count);
  options->setReduceFunction(reduction_of<T>(*s.operation));
  using Algorithm = ::gloo::AllreduceOptions::Algorithm;
  options->setAlgorithm(s.bcube ? Algorithm::BCUBE : Algorithm::RING);
  options->setTag(kTag);
  return [options] { ::gloo::allreduce(*options); };
}

template <typename T>
Call all_gather(const Context& context, const Settings& s, const Turn& turn) {
  const auto options = std::make_shared<::gloo::AllgatherOptions>(context);
  if (!s.in_place) options->setInput(elements_of<T>(turn.input), turn.input.size() / sizeof(T));
  options->setOutput(elements_of<T>(turn.output), turn.output.size() / sizeof(T));
  options->setTag(kTag);
  return [options] { ::gloo::allgather(*options); };
}

// Gloo's is of its older kind: the result takes the place of the input's first elements.
template <typename T>
Call reduce_scatter(const Context& context, const Settings& s, const Turn& turn) {
  const auto count = static_cast<int>(turn.input.size() / sizeof(T));
  const std::vector<int> shares(static_cast<std::size_t>(s.ranks), count / s.ranks);
  const auto algorithm = std::make_shared<::gloo::ReduceScatterHalvingDoubling<T>>(
      context, std::vector<T*>{elements_of<T>(turn.input)}, count, shares, function_of<T>(*s.operation));
  return [algorithm] { algorithm->run(); };
}

template <typename T>
Call broadcast(const Context& context, const Settings& s, const Turn& turn) {
  const auto options = std::make_shared<::gloo::BroadcastOptions>(context);
  if (!s.in_place && context->rank == s.root)
    options->setInput(elements_of<T>(turn.input), turn.input.size() / sizeof(T));
  options->setOutput(elements_of<T>(turn.output), turn.output.size() / sizeof(T));
  options->setRoot(s.root);
  options->setTag(kTag);
  return [options] { ::gloo::broadcast(*options); };
}

template <typename T>
Call all_to_all(const Context& context, const Turn& turn) {
  const auto options = std::make_shared<::gloo::AlltoallOptions>(context);
  options->setInput(elements_of<T>(turn.input), turn.input.size() / sizeof(T));
  options->setOutput(elements_of<T>(turn.output), turn.output.size() / sizeof(T));
  options->setTag(kTag);
  return [options] { ::gloo::alltoall(*options); };
}

}  // namespace

std::vector<Call> make_calls(const Context& context, const Settings& s, const std::vector<Turn>& turns) {
  std::vector<Call> calls;
  for (const Turn& turn : turns)
    calls.push_back(with_type(s.type, [&]<typename T>(std::type_identity<T>) -> Call {
      switch (s.collective) {
        case Collective::kAllReduce:
          return all_reduce<T>(context, s, turn);
        case Collective::kAllGather:
          return all_gather<T>(context, s, turn);
        case Collective::kReduceScatter:
          return reduce_scatter<T>(context, s, turn);
        case Collective::kBroadcast:
          return broadcast<T>(context, s, turn);
        default:
          return all_to_all<T>(context, turn);
      }
    }));
  return calls;
}

std::vector<collective::Interval> gathered(const Context& context, std::span<collective::Interval> mine) {
  static_assert(sizeof(collective::Interval) == 3 * sizeof(std::int64_t));
  std::vector<collective::Interval> all(mine.size() * static_cast<std::size_t>(context->size));
  ::gloo::AllgatherOptions options(context);
  options.setInput(reinterpret_cast<std::int64_t*>(mine.data()), 3 * mine.size());
  options.setOutput(reinterpret_cast<std::int64_t*>(all.data()), 3 * all.size());
  options.setTag(kTimesTag);
  ::gloo::allgather(options);
  return all;
}

}  // namespace millrace::gloo
