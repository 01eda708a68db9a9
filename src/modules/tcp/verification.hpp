// SPDX-License-Identifier: Apache-2.0
// A pass before the measurement in which every byte is known: pseudo-random words of a seed that differs for
// each stream, so that bytes of another stream, shifted, lost or doubled are all found out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "millrace/probe.hpp"
#include "modules/tcp/connection.hpp"
#include "modules/tcp/stream_options.hpp"
#include "units/result.hpp"

namespace millrace::tcp {

// The pattern of the bytes [offset, offset + to.size()) of a stream; offset is a multiple of 8.
void fill_pattern(std::span<std::byte> to, std::uint64_t stream_seed, std::uint64_t offset);
// The first byte that is not as it should be, from the start of `at`; at.size() when all are right.
std::size_t first_wrong(std::span<const std::byte> at, std::uint64_t stream_seed, std::uint64_t offset);
// The same at both ends: of the server's rank and the stream's index.
std::uint64_t stream_seed(const sdk::Host& host, const Connection& connection);

// Sends over all that leave here and checks all that arrive, at once. Says verified() where something
// arrives. Both ends call it; options.verify_bytes a stream.
Result<void> verify_streams(const sdk::Host& host, std::span<Connection> connections,
                            const StreamOptions& options);

}  // namespace millrace::tcp
