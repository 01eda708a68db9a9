// SPDX-License-Identifier: Apache-2.0
#include "modules/cuda/driver.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "modules/cuda/failure.hpp"

namespace millrace::cuda {
namespace {
namespace fs = std::filesystem;

constexpr std::string_view kStandInName = "Millrace stand-in GPU";

// "580.65.06" of the kernel's driver; empty where there is none.
std::string kernel_driver() {
  std::ifstream file("/sys/module/nvidia/version");
  std::string version;
  std::getline(file, version);
  return version;
}

Error no_device(CUresult result) {
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  if (visible != nullptr && result == CUDA_ERROR_NO_DEVICE)
    return {fmt::format("CUDA_VISIBLE_DEVICES=\"{}\" hides every GPU: {}", visible, words_of(result)),
            "unset CUDA_VISIBLE_DEVICES, or name GPUs that exist (`nvidia-smi -L`)", Exit::kInconclusive};
  Error error = cuda_failure(result, "initialising the CUDA driver");
  error.exit = Exit::kInconclusive;
  if (result == CUDA_ERROR_NO_DEVICE && kernel_driver().empty())
    error.hint =
        "the kernel module nvidia is not loaded (`modprobe nvidia`); in a container, start it with --gpus "
        "all";
  if (result == CUDA_ERROR_UNKNOWN)
    error.hint =
        "`nvidia-smi` and `dmesg | grep -i nvrm` tell more; is nvidia-uvm loaded, and /dev/nvidia-uvm "
        "readable?";
  return error;
}

Result<void> new_enough() {
  int version = 0;
  if (auto read = check(cuDriverGetVersion(&version), "asking the CUDA driver's version"); !read) return read;
  if (version / 1000 >= CUDA_VERSION / 1000) return {};
  return failure(
      fmt::format("the driver supports CUDA {} at most, and this was built with CUDA {}",
                  version_text(version), version_text(CUDA_VERSION)),
      fmt::format("update the NVIDIA driver to one for CUDA {}, or use a Millrace built with CUDA {}.x",
                  CUDA_VERSION / 1000, version / 1000),
      Exit::kInconclusive);
}

std::string uuid_text(const CUuuid& uuid) {
  const auto byte = [&](int i) { return static_cast<unsigned>(static_cast<unsigned char>(uuid.bytes[i])); };
  std::string text = "GPU-";
  for (int i = 0; i < 16; ++i)
    text += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", byte(i));
  return text;
}

int numa_of(const std::string& pci) {
  const char* root = std::getenv("MILLRACE_MACHINE_ROOT");
  std::ifstream file(fmt::format("{}/sys/bus/pci/devices/{}/numa_node", root == nullptr ? "" : root, pci));
  int node = -1;
  file >> node;
  return file ? node : -1;
}

Result<Device> device_of(int ordinal) {
  const std::string doing = fmt::format("asking about CUDA device {}", ordinal);
  Device device;
  device.ordinal = device.index = ordinal;
  std::size_t bytes = 0;
  char name[256] = {}, pci[32] = {};
  CUuuid uuid{};
  for (const CUresult result :
       {cuDeviceGet(&device.handle, ordinal), cuDeviceGetName(name, sizeof name - 1, device.handle),
        cuDeviceGetPCIBusId(pci, sizeof pci - 1, device.handle), cuDeviceGetUuid(&uuid, device.handle),
        cuDeviceTotalMem(&bytes, device.handle),
        cuDeviceGetAttribute(&device.multiprocessors, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT,
                             device.handle)})
    if (auto asked = check(result, doing); !asked) return tl::unexpected(asked.error());
  device.name = name;
  device.pci = canonical_pci(pci);
  device.uuid = uuid_text(uuid);
  device.bytes = bytes;
  device.stand_in = device.name.starts_with(kStandInName);
  device.numa_node = numa_of(device.pci);
  return device;
}

// Numbered as discovery does, if it sees them all; else by their addresses alone.
void number(std::vector<Device>& devices) {
  const std::vector<std::string> all = pci_gpus();
  std::sort(devices.begin(), devices.end(), [](const Device& a, const Device& b) { return a.pci < b.pci; });
  const auto place = [&](const Device& device) { return std::find(all.begin(), all.end(), device.pci); };
  const bool known =
      std::all_of(devices.begin(), devices.end(), [&](const Device& d) { return place(d) != all.end(); });
  for (std::size_t i = 0; i < devices.size(); ++i)
    devices[i].index =
        static_cast<int>(known ? place(devices[i]) - all.begin() : static_cast<std::ptrdiff_t>(i));
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return result;
}

}  // namespace

std::string version_text(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

Result<void> start() {
  if (const CUresult result = cuInit(0); result != CUDA_SUCCESS) {
    // A driver too old for these GPUs or this library says so in many ways: the version is the better reason.
    if (auto fits = new_enough(); !fits && result != CUDA_ERROR_NO_DEVICE) return fits;
    return tl::unexpected(no_device(result));
  }
  return new_enough();
}

Result<std::vector<Device>> devices() {
  if (const auto started = start(); !started) return tl::unexpected(started.error());
  int count = 0;
  if (const auto counted = check(cuDeviceGetCount(&count), "counting CUDA devices"); !counted)
    return tl::unexpected(counted.error());
  if (count == 0) return tl::unexpected(no_device(CUDA_ERROR_NO_DEVICE));
  std::vector<Device> found;
  for (int ordinal = 0; ordinal < count; ++ordinal) {
    auto device = device_of(ordinal);
    if (!device) return tl::unexpected(device.error());
    found.push_back(std::move(*device));
  }
  number(found);
  return found;
}

Result<Device> find_device(const std::vector<Device>& devices, std::string_view name) {
  const std::string wanted = lower(name.starts_with("gpu:") ? name.substr(4) : name);
  const std::string pci = canonical_pci(wanted);
  for (const Device& device : devices)
    if (std::to_string(device.index) == wanted || (!pci.empty() && device.pci == pci) ||
        lower(device.uuid) == wanted)
      return device;
  std::vector<std::string> there;
  for (const Device& device : devices) there.push_back(fmt::format("{} ({})", device.index, device.pci));
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  return failure(
      fmt::format("there is no GPU '{}' here{}", name,
                  visible == nullptr ? "" : fmt::format(" (CUDA_VISIBLE_DEVICES is \"{}\")", visible)),
      fmt::format("there {} {}", devices.size() == 1 ? "is" : "are", fmt::join(there, ", ")));
}

std::string canonical_pci(std::string_view text) {
  const std::string all = lower(text);
  const std::size_t dot = all.rfind('.');
  if (dot == std::string::npos || dot + 2 != all.size()) return {};
  const std::size_t device = all.rfind(':', dot);
  if (device == std::string::npos || dot != device + 3) return {};
  const std::size_t bus = device == 0 ? std::string::npos : all.rfind(':', device - 1);
  const std::string domain = bus == std::string::npos ? "0" : all.substr(0, bus);
  const std::string number =
      bus == std::string::npos ? all.substr(0, device) : all.substr(bus + 1, device - bus - 1);
  const auto hex = [](const std::string& part, std::size_t most) {
    return !part.empty() && part.size() <= most &&
           std::all_of(part.begin(), part.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
  };
  if (!hex(domain, 8) || !hex(number, 2) || !hex(all.substr(device + 1, 2), 2) ||
      !hex(all.substr(dot + 1), 1))
    return {};
  return fmt::format("{:04x}:{:02x}:{}", std::stoul(domain, nullptr, 16), std::stoul(number, nullptr, 16),
                     all.substr(device + 1));
}

std::vector<std::string> pci_gpus() {
  const char* root = std::getenv("MILLRACE_MACHINE_ROOT");
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& entry :
       fs::directory_iterator(fmt::format("{}/sys/bus/pci/devices", root == nullptr ? "" : root), ignored)) {
    const auto number = [&](const char* file) {
      std::ifstream stream(entry.path() / file);
      std::string text;
      stream >> text;
      return std::strtoul(text.c_str(), nullptr, 16);
    };
    const unsigned long vendor = number("vendor"), kind = number("class") >> 8U;
    const bool display = kind == 0x0300 || kind == 0x0302 || kind == 0x0380, accelerator = kind == 0x1200;
    // The rule of src/topology/pci_devices.cpp.
    const bool gpu = vendor == 0x10DE || vendor == 0x1002 ? display || accelerator
                     : vendor == 0x8086                   ? display
                                                          : vendor == 0x1DA3 && accelerator;
    if (gpu && !fs::exists(entry.path() / "physfn", ignored))
      found.push_back(canonical_pci(entry.path().filename().string()));
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace millrace::cuda
