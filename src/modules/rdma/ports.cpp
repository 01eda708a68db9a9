// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/ports.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <system_error>

#include "modules/rdma/words.hpp"

namespace millrace::rdma {
namespace fs = std::filesystem;

namespace {

using DeviceList = std::unique_ptr<ibv_device*[], decltype([](ibv_device** l) { ibv_free_device_list(l); })>;

std::string first_line(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

int number_or(const std::string& text, int otherwise) {
  return text.empty() ? otherwise : static_cast<int>(std::strtol(text.c_str(), nullptr, 10));
}

// Of a device on a bus; a software device (rxe, siw) names the interface below it in `parent`.
void place(Port& port, const fs::path& sysfs) {
  const fs::path device = sysfs / "class/infiniband" / port.device;
  port.interface = first_line(device / "ports" / std::to_string(port.number) / "gid_attrs/ndevs/0");
  if (port.interface.empty()) port.interface = first_line(device / "parent");
  port.software = !fs::exists(device / "device");
  std::string node = first_line(device / "device/numa_node");
  if (node.empty() && !port.interface.empty())
    node = first_line(sysfs / "class/net" / port.interface / "device/numa_node");
  port.numa_node = number_or(node, -1);
}

struct Opened {
  Context context;
  ibv_device_attr attributes{};
};

Result<Opened> open_with_attributes(const std::string& name) {
  auto context = open_device(name);
  if (!context) return tl::unexpected(context.error());
  Opened opened{std::move(*context), {}};
  if (const int error = ibv_query_device(opened.context.get(), &opened.attributes); error != 0)
    return failure(
        fmt::format("cannot query the RDMA device {}: {}", name, std::system_category().message(error)),
        "see the kernel log (dmesg)", Exit::kInconclusive);
  return opened;
}

Result<Port> query(const Opened& opened, const std::string& device, unsigned number, const fs::path& sysfs) {
  Port port;
  port.device = device;
  port.number = static_cast<std::uint8_t>(number);
  if (const int error = ibv_query_port(opened.context.get(), port.number, &port.attributes); error != 0)
    return failure(
        fmt::format("cannot query {}: {}", port_text(device, number), std::system_category().message(error)),
        "see the kernel log (dmesg)", Exit::kInconclusive);
  place(port, sysfs);
  return port;
}

Result<std::vector<Port>> ports_of(const std::string& device, const fs::path& sysfs) {
  const auto opened = open_with_attributes(device);
  if (!opened) return tl::unexpected(opened.error());
  std::vector<Port> ports;
  for (unsigned number = 1; number <= opened->attributes.phys_port_cnt; ++number) {
    auto port = query(*opened, device, number, sysfs);
    if (!port) return tl::unexpected(port.error());
    ports.push_back(std::move(*port));
  }
  return ports;
}

bool is_active(const Port& port) { return port.attributes.state == IBV_PORT_ACTIVE; }

Result<std::vector<Port>> all_active(const std::vector<std::string>& devices, const fs::path& sysfs) {
  std::vector<Port> active;
  for (const std::string& device : devices) {
    auto ports = ports_of(device, sysfs);
    if (!ports) return ports;
    std::copy_if(ports->begin(), ports->end(), std::back_inserter(active), is_active);
  }
  if (active.empty()) return tl::unexpected(no_active_port(devices));
  return active;
}

Result<Port> find_port(const PortName& name, const std::vector<std::string>& devices, const fs::path& sysfs) {
  if (std::find(devices.begin(), devices.end(), name.device) == devices.end())
    return tl::unexpected(no_such_device(name.device, devices));
  const auto ports = ports_of(name.device, sysfs);
  if (!ports) return tl::unexpected(ports.error());
  if (name.port > ports->size())
    return tl::unexpected(no_such_port(name.device, name.port, static_cast<unsigned>(ports->size())));
  const auto active = std::find_if(ports->begin(), ports->end(), is_active);
  const Port& port = name.port > 0            ? (*ports)[name.port - 1]
                     : active != ports->end() ? *active
                                              : ports->front();
  if (!is_active(port))
    return tl::unexpected(port_not_active(port.device, port.number, port.attributes.state, port.interface));
  return port;
}

}  // namespace

std::string Port::text() const { return port_text(device, number); }

std::vector<std::string> device_names() {
  std::vector<std::string> names;
  int count = 0;
  const DeviceList list(ibv_get_device_list(&count));
  for (int i = 0; list && i < count; ++i)
    names.emplace_back(ibv_get_device_name(list[static_cast<std::size_t>(i)]));
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> device_names_in(const fs::path& sysfs) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(sysfs / "class/infiniband", ignored))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

Result<Context> open_device(const std::string& name) {
  int count = 0;
  const DeviceList list(ibv_get_device_list(&count));
  for (int i = 0; list && i < count; ++i) {
    ibv_device* device = list[static_cast<std::size_t>(i)];
    if (name != ibv_get_device_name(device)) continue;
    errno = 0;
    Context context(ibv_open_device(device));
    if (context) return context;
    return failure(fmt::format("cannot open the RDMA device {}: {}", name, std::strerror(errno)),
                   "may this user open /dev/infiniband/uverbs*? In a container, pass /dev/infiniband",
                   Exit::kInconclusive);
  }
  return tl::unexpected(no_such_device(name, device_names()));
}

Result<std::vector<Port>> find_ports(std::span<const PortName> names, const fs::path& sysfs) {
  const std::vector<std::string> devices = device_names();
  if (devices.empty()) return tl::unexpected(no_devices(device_names_in(sysfs)));
  if (names.empty() || names.front().device.empty() || names.front().device == "all") {
    auto active = all_active(devices, sysfs);
    if (active && (names.empty() || names.front().device.empty())) active->resize(1);
    return active;
  }
  std::vector<Port> ports;
  for (const PortName& name : names) {
    auto port = find_port(name, devices, sysfs);
    if (!port) return tl::unexpected(port.error());
    ports.push_back(std::move(*port));
  }
  return ports;
}

Result<std::vector<Gid>> gids_of(ibv_context* context, const Port& port) {
  constexpr std::size_t kMost = 1024;  // the kernel takes the table as one attribute of less than 64 KiB
  std::vector<ibv_gid_entry> entries(kMost);
  const ssize_t count = ibv_query_gid_table(context, entries.data(), entries.size(), 0);
  if (count < 0)
    return failure(fmt::format("cannot read the GIDs of {}: {}", port.text(),
                               std::system_category().message(static_cast<int>(-count))),
                   "see the kernel log (dmesg)");
  std::vector<Gid> gids;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    if (entries[i].port_num != port.number) continue;
    Gid gid;
    std::copy(std::begin(entries[i].gid.raw), std::end(entries[i].gid.raw), gid.raw.begin());
    gid.index = entries[i].gid_index;
    gid.type = static_cast<GidType>(entries[i].gid_type);
    if (!gid.is_zero()) gids.push_back(gid);
  }
  return gids;
}

std::optional<ibv_port_state> port_state(ibv_context* context, std::uint8_t port) {
  ibv_port_attr now{};
  if (ibv_query_port(context, port, &now) != 0) return std::nullopt;
  return now.state;
}

}  // namespace millrace::rdma
