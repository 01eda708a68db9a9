// SPDX-License-Identifier: Apache-2.0
#include "record/journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "record/descriptor.hpp"
#include "record/journal_lines.hpp"
#include "record/read_file.hpp"
#include "record/references.hpp"
#include "record/write_all.hpp"

namespace millrace::record {
namespace {

namespace fs = std::filesystem;

constexpr const char* kJournalHint = "a journal is made by millrace run, beside its result document";

tl::unexpected<Error> errno_failure(const fs::path& file, const char* doing, int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  return failure(fmt::format("cannot {} the journal {}: {}", doing, file.native(), std::strerror(error)),
                 full ? "make room there, or name a journal on another file system" : "");
}

// The lock goes with the open file: it ends with the process, however that ends.
Result<void> lock(const Descriptor& fd, const fs::path& file) {
  if (flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return {};
  if (errno != EWOULDBLOCK) return errno_failure(file, "lock", errno);
  return failure(fmt::format("another millrace is writing the journal {}", file.native()),
                 "wait for it to end, or name another journal");
}

std::string_view next_line(std::string_view& rest) {
  const std::string_view line = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  return line;
}

// A later record of an id takes the place of the earlier: a resumed run measured it again.
void put(std::vector<Measurement>& measurements, Measurement measurement) {
  const auto same = [&](const Measurement& other) { return other.id == measurement.id; };
  const auto earlier = std::find_if(measurements.begin(), measurements.end(), same);
  if (earlier == measurements.end()) {
    measurements.push_back(std::move(measurement));
  } else {
    *earlier = std::move(measurement);
  }
}

Result<JournalContents> parse_journal(std::string_view text, const std::string& name) {
  JournalContents contents;
  // A record is there when its newline is: what follows the last one is what a kill left of a record.
  const std::string_view whole = text.substr(0, text.rfind('\n') + 1);
  contents.torn = whole.size() != text.size();
  if (text.empty())
    return failure(name + ": is empty: the run ended before anything was measured", "run it anew");
  if (whole.empty()) {
    return failure(name + ":1: the header was cut off: the run ended before anything was measured",
                   "run it anew");
  }
  std::string_view rest = whole;
  const std::string header_name = name + ":1";
  Result<JournalHeader> header = parse_header_line(next_line(rest), Padding::kPresent, header_name);
  if (!header) return tl::unexpected(header.error());
  contents.header = std::move(*header);
  const TopologyIds ids(contents.header.document.topology, contents.header.document.hosts.size());
  if (ids.fault()) {
    return failure(fmt::format("{}: {}: {}", header_name, ids.fault()->pointer, ids.fault()->reason));
  }
  for (std::size_t number = 2; !rest.empty(); ++number) {
    const std::string line_name = fmt::format("{}:{}", name, number);
    Result<JournalLine> line = parse_journal_line(next_line(rest), Padding::kPresent, line_name);
    if (!line) return tl::unexpected(line.error());
    if (line->measurement) {
      if (const auto fault = ids.check(*line->measurement, "/measurement")) {
        return failure(fmt::format("{}: {}: {}", line_name, fault->pointer, fault->reason));
      }
      put(contents.measurements, std::move(*line->measurement));
    }
    if (line->temporary) contents.temporaries.push_back(std::move(*line->temporary));
    contents.ended = line->end;
  }
  return contents;
}

// Drops what a kill left of the last record, so that the next one starts on a line of its own.
Result<void> cut_torn_line(const Descriptor& fd, const fs::path& file) {
  const Result<FileText> text = read_file(file);
  if (!text) return tl::unexpected(text.error());
  const std::size_t whole = text->text().rfind('\n') + 1;
  if (whole == text->text().size()) return {};
  if (ftruncate(fd.get(), static_cast<off_t>(whole)) != 0) return errno_failure(file, "mend", errno);
  return {};
}

}  // namespace

struct Journal::State {
  Descriptor fd;
  fs::path file;
  std::size_t size = 0;  // of the whole records

  // One write and one fdatasync a record. Where the write fails halfway (a full disk), its half is taken
  // back.
  Result<void> append(std::string line) {
    line += '\n';
    if (const int error = write_all(fd.get(), line)) {
      if (ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return errno_failure(file, "mend", errno);
      return errno_failure(file, "write to", error);
    }
    if (fdatasync(fd.get()) != 0) return errno_failure(file, "write to", errno);
    size += line.size();
    return {};
  }
};

Journal::Journal(std::unique_ptr<State> state) : state_(std::move(state)) {}
Journal::Journal(Journal&&) noexcept = default;
Journal& Journal::operator=(Journal&&) noexcept = default;
Journal::~Journal() = default;

Result<Journal> Journal::create(const fs::path& file, const JournalHeader& header) {
  auto state = std::make_unique<State>();
  state->file = file;
  state->fd = Descriptor(open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666));
  if (!state->fd && errno == EEXIST) {
    return failure(fmt::format("the journal {} exists already", file.native()),
                   "go on with it by --resume, name another, or remove it");
  }
  if (!state->fd) return errno_failure(file, "create", errno);
  if (auto locked = lock(state->fd, file); !locked) return tl::unexpected(locked.error());
  auto written = state->append(header_line(header));
  if (const int error = written ? sync_folder_of(file) : 0) written = errno_failure(file, "create", error);
  if (!written) {
    unlink(file.c_str());  // ours, and without a header no journal
    return tl::unexpected(written.error());
  }
  return Journal(std::move(state));
}

Result<Journal> Journal::append_to(const fs::path& file) {
  auto state = std::make_unique<State>();
  state->file = file;
  state->fd = Descriptor(open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK));
  if (!state->fd) return errno_failure(file, "open", errno);
  if (auto locked = lock(state->fd, file); !locked) return tl::unexpected(locked.error());
  // Nothing is touched in a file that is no journal.
  if (const auto contents = read_journal(file); !contents) return tl::unexpected(contents.error());
  if (auto cut = cut_torn_line(state->fd, file); !cut) return tl::unexpected(cut.error());
  struct stat status = {};
  if (fstat(state->fd.get(), &status) != 0) return errno_failure(file, "open", errno);
  state->size = static_cast<std::size_t>(status.st_size);
  return Journal(std::move(state));
}

Result<void> Journal::add(const Measurement& measurement) {
  return state_->append(measurement_line(measurement));
}
Result<void> Journal::add_temporary(const fs::path& path) { return state_->append(temporary_line(path)); }
Result<void> Journal::end() { return state_->append(end_line()); }

Result<JournalContents> read_journal(const fs::path& file) {
  const Result<FileText> text = read_file(file);
  if (!text) return tl::unexpected(text.error());
  Result<JournalContents> contents = parse_journal(text->text(), file.native());
  if (!contents && contents.error().hint.empty()) contents.error().hint = kJournalHint;
  return contents;
}

bool is_journal(const fs::path& file) {
  const Descriptor fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status = {};
  if (!fd || fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
  // The writer puts the schema first, so a look at the beginning is enough.
  std::array<char, 128> begin = {};
  const ssize_t got = pread(fd.get(), begin.data(), begin.size(), 0);
  std::string seen;
  for (ssize_t i = 0; i < got; ++i) {
    const char c = begin[static_cast<std::size_t>(i)];
    if (c != ' ' && c != '\t') seen += c;
  }
  return seen.starts_with(R"({"schema":"millrace.journal/)");
}

Document to_document(const JournalContents& contents) {
  Document document = contents.header.document;
  document.measurements = contents.measurements;
  document.complete = false;
  return document;
}

}  // namespace millrace::record
