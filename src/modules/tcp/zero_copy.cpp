// SPDX-License-Identifier: Apache-2.0
#include "modules/tcp/zero_copy.hpp"

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "modules/tcp/network_failure.hpp"

namespace millrace::tcp {

Result<void> ZeroCopy::enable(int fd) {
  const int on = 1;
  if (setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)) == 0) return {};
  return failure("this kernel cannot send without a copy: " + errno_text(errno),
                 "leave --zero-copy out; it needs Linux 4.14", Exit::kInconclusive);
}

bool ZeroCopy::reap(int fd) {
  while (in_flight() > 0) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(sock_extended_err) + sizeof(sockaddr_in6))];
    msghdr message = {};
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    if (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return errno == EAGAIN || errno == EINTR;
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
      sock_extended_err said = {};
      std::memcpy(&said, CMSG_DATA(c), sizeof(said));
      if (said.ee_origin != SO_EE_ORIGIN_ZEROCOPY) {
        errno = static_cast<int>(said.ee_errno);
        return false;
      }
      const std::uint32_t sends = said.ee_data - said.ee_info + 1;  // a range of sends, both ends included
      completed_ += sends;
      if ((said.ee_code & SO_EE_CODE_ZEROCOPY_COPIED) != 0) copied_ += sends;
    }
  }
  return true;
}

}  // namespace millrace::tcp
