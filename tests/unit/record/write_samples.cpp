// SPDX-License-Identifier: Apache-2.0
// Writes one document of each schema into a folder, and one that is spoiled.
#include <cstdio>
#include <filesystem>

#include "sample.hpp"

namespace {

using namespace millrace::record;

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  return at == std::string::npos ? std::string() : text.replace(at, from.size(), to);
}

bool write_journal(const std::filesystem::path& file) {
  std::filesystem::remove(file);
  auto journal = Journal::create(file, full_header());
  if (!journal) return false;
  bool ok = true;
  for (const Measurement& measurement : full_document().measurements)
    ok &= journal->add(measurement).has_value();
  ok &= journal->add_temporary("/data/.millrace-1").has_value();
  ok &= journal->add_temporary("/data/\xff").has_value();
  return ok && journal->end().has_value();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  bool ok = write_document(full_document(), folder / "result.json").has_value();
  ok &= write_text(topology_to_json(full_machine(), full_document().findings), folder / "topology.json")
            .has_value();
  ok &= write_journal(folder / "journal.json");
  put_content(folder / "result.bad.json",
              replaced(content_of(folder / "result.json"), "\"bytes\": [1,", "\"bytes\": [-1,"));
  put_content(folder / "topology.bad.json",
              replaced(content_of(folder / "topology.json"), "\"limit_source\"", "\"limit_sauce\""));
  put_content(folder / "journal.bad.json",
              replaced(content_of(folder / "journal.json"), "\"fingerprint\"", "\"fingerpaint\""));
  return ok ? 0 : 1;
}
