// SPDX-License-Identifier: Apache-2.0
// What a unique id holds of NCCL's own: after eight bytes of magic the address at which rank 0 waits (struct
// ncclBootstrapHandle of NCCL 2.16 to 2.30). Here nobody waits there; the name of the meeting comes after it.
#pragma once

#include <cstddef>

namespace millrace::standin::nccl {

inline constexpr std::size_t kAddressInId = 8, kNameInId = 40;

// Of the interface that NCCL_SOCKET_IFNAME names ("=eth0"), of the family that NCCL_SOCKET_FAMILY does;
// 127.0.0.1 where there is none. Writes a sockaddr_in or sockaddr_in6.
void write_own_address(char* to);

}  // namespace millrace::standin::nccl
