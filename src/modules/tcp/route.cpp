// SPDX-License-Identifier: Apache-2.0
#include "modules/tcp/route.hpp"

#include <fmt/format.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstring>

#include "modules/tcp/network_failure.hpp"
#include "modules/tcp/socket.hpp"

namespace millrace::tcp {
namespace {

struct Request {
  nlmsghdr header = {};
  rtmsg route = {};
  char attributes[2 * RTA_SPACE(sizeof(in6_addr))] = {};

  void add(unsigned short type, const Address& address) {
    const bool six = address.family() == AF_INET6;
    const void* bytes =
        six ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(address.raw())->sin6_addr)
            : static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(address.raw())->sin_addr);
    const std::size_t size = six ? sizeof(in6_addr) : sizeof(in_addr);
    char* at = attributes + (header.nlmsg_len - NLMSG_LENGTH(sizeof(rtmsg)));
    const rtattr attribute = {static_cast<unsigned short>(RTA_LENGTH(size)), type};
    std::memcpy(at, &attribute, sizeof(attribute));
    std::memcpy(at + RTA_LENGTH(0), bytes, size);
    header.nlmsg_len += static_cast<std::uint32_t>(RTA_SPACE(size));
  }
};

std::string device_in(char* answer, std::size_t size) {
  auto* header = reinterpret_cast<nlmsghdr*>(answer);
  if (size < NLMSG_LENGTH(sizeof(rtmsg)) || header->nlmsg_len > size || header->nlmsg_type != RTM_NEWROUTE)
    return {};
  auto* route = static_cast<rtmsg*>(NLMSG_DATA(header));
  std::size_t left = header->nlmsg_len - NLMSG_LENGTH(sizeof(rtmsg));
  for (auto* attribute = RTM_RTA(route); RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
    if (attribute->rta_type != RTA_OIF) continue;
    unsigned index = 0;
    std::memcpy(&index, RTA_DATA(attribute), sizeof(index));
    char name[IF_NAMESIZE] = {};
    return if_indextoname(index, name) != nullptr ? name : "";
  }
  return {};
}

}  // namespace

Result<std::string> device_towards(const Address& to, const Address& from) {
  const Socket socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket) return network_failure(errno, "ask the kernel for a route");
  Request request;
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof(rtmsg));
  request.header.nlmsg_type = RTM_GETROUTE;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.route.rtm_family = static_cast<unsigned char>(to.family());
  const auto bits = static_cast<unsigned char>(to.family() == AF_INET6 ? 128 : 32);
  request.route.rtm_dst_len = request.route.rtm_src_len = bits;
  request.add(RTA_DST, to);
  request.add(RTA_SRC, from);
  char answer[4096];
  if (send(socket.fd(), &request, request.header.nlmsg_len, 0) < 0)
    return network_failure(errno, "ask the kernel for a route");
  const ssize_t got = recv(socket.fd(), answer, sizeof(answer), 0);
  if (got < 0) return network_failure(errno, "ask the kernel for a route");
  const std::string device = device_in(answer, static_cast<std::size_t>(got));
  if (device.empty()) return failure(fmt::format("the kernel knows no way to {}", to.host_text()));
  return device;
}

}  // namespace millrace::tcp
