// SPDX-License-Identifier: Apache-2.0
#include "run/feed_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <limits>
#include <map>
#include <optional>
#include <span>

#include "process/guarded_call.hpp"
#include "record/pool_repeats.hpp"
#include "run/dataset.hpp"
#include "run/link_plan.hpp"
#include "run/pair_plan.hpp"
#include "run/peer/plan.hpp"

namespace millrace::run {
namespace {

namespace fs = std::filesystem;

// The data sets of a run: made before it, gone after it.
class DataSets {
 public:
  DataSets() = default;
  DataSets(const DataSets&) = delete;
  DataSets& operator=(const DataSets&) = delete;
  ~DataSets() {
    // By a child that is left behind where the file system does not answer: what stays is the next run's to
    // remove.
    for (const fs::path& folder : made_)
      (void)guarded_call(
          [&folder] {
            (void)remove_ours(folder);
            return std::string();
          },
          Temporaries::kRemovalTime);
  }

  Result<void> make(const Job& job, const ModelPlan& model, record::Journal& journal,
                    const JobCallbacks& callbacks) {
    const workload::Input& input = model.scaled.front().input;
    DatasetRequest request;
    request.record_bytes = input.record_bytes;
    request.record_stdev_bytes = input.record_stdev_bytes;
    request.samples_per_file = input.samples_per_file;
    request.files = model.files / job.paths.size();
    request.total_bytes = model.data_bytes / job.paths.size();
    request.compressible = job.compressible;
    request.zstd = input.prep == "decompress";
    if (request.zstd && request.compressible == 0)
      request.compressible = 0.5;  // what nobody would compress, nobody did
    for (const fs::path& path : job.paths) {
      request.directory = path;
      if (auto made = make_one(request, model.model, journal, callbacks); !made) return made;
      ++request.seed;  // other bytes in each folder
    }
    return {};
  }

  void use(const std::string& model, const std::vector<fs::path>& folders) { of_model_[model] = folders; }
  [[nodiscard]] const std::map<std::string, std::vector<fs::path>>& of_model() const { return of_model_; }

 private:
  Result<void> make_one(const DatasetRequest& request, const std::string& model, record::Journal& journal,
                        const JobCallbacks& callbacks) {
    DatasetCalls calls;
    std::optional<Error> refused;
    calls.on_create = [&](const fs::path& path) {
      if (path.parent_path() != request.directory) return;  // what lies in the folder goes with it
      if (auto noted = journal.add_temporary(path); !noted) refused = noted.error();
    };
    calls.cancelled = [&] {
      return refused.has_value() || (callbacks.interrupted && callbacks.interrupted());
    };
    auto made = make_dataset(request, calls);
    if (refused) return tl::unexpected(*refused);
    if (!made) return tl::unexpected(made.error());
    made_.push_back(made->directory);
    of_model_[model].push_back(made->directory);
    return {};
  }

  std::vector<fs::path> made_;
  std::map<std::string, std::vector<fs::path>> of_model_;
};

std::string folders_text(const std::vector<fs::path>& paths) {
  std::string text;
  for (const fs::path& path : paths) text += (text.empty() ? "" : " and ") + path.string();
  return text;
}

// What an earlier run that was killed left there.
Result<void> remove_stale(const fs::path& directory, const JobCallbacks& callbacks) {
  for (const fs::path& folder : find_stale(directory)) {
    if (callbacks.stage)
      callbacks.stage(fmt::format("removing {}, left by a run that was killed", folder.string()));
    if (auto removed = remove_ours(folder); !removed && callbacks.log) callbacks.log(2, removed.error().what);
  }
  return {};
}

const record::Measurement* find(const std::vector<record::Measurement>& all, const std::string& id) {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const record::Measurement& m) { return m.id == id; });
  return found == all.end() ? nullptr : &*found;
}

// How many of the repeats an earlier run did: those of the same measurement, none of which failed.
int repeats_done(const record::Measurement* m, const Planned& planned) {
  const bool same = m != nullptr && m->status == "ok" && m->probe == planned.plan.entry.probe->name &&
                    m->label == planned.label;
  return same ? static_cast<int>(std::min<std::size_t>(m->repeats.size(), INT_MAX)) : 0;
}

class FeedJob {
 public:
  FeedJob(const Job& job, const Catalog& catalog, const topology::Machine& machine,
          const std::vector<record::Measurement>& done, record::Journal& journal,
          const JobCallbacks& callbacks, peer::Turns* link)
      : job_(job),
        machine_(machine),
        done_(done),
        journal_(journal),
        callbacks_(callbacks),
        catalog_(catalog),
        link_(link),
        measured_on_(machine),
        memories_(memories_of(catalog)) {
    if (link != nullptr) {
      measured_on_.graph = peer::graph_with(machine.graph, link->hub());
      // All that takes time asks this again and again: so the peer hears from here while it has no part.
      callbacks_.interrupted = [link, asked = callbacks.interrupted] {
        link->keep_alive();
        return asked && asked();
      };
    }
    measure_callbacks_.progress = callbacks.progress;
    measure_callbacks_.log = callbacks.log;
    measure_callbacks_.temporary_added = [this](const fs::path& path) {
      return journal_.add_temporary(path);
    };
    measure_callbacks_.measured = [this](const record::Measurement& fresh, bool last) {
      const record::Measurement m = with_earlier(fresh);
      if (auto noted = journal_.add(m); !noted && !journal_error_) journal_error_ = noted.error();
      if (callbacks_.measured) callbacks_.measured(m, last);
    };
    measure_callbacks_.interrupted = [this] {
      return journal_error_.has_value() || (callbacks_.interrupted && callbacks_.interrupted());
    };
  }

  Result<JobOutcome> run(const std::vector<workload::Profile>& profiles) {
    if (job_.datasets.empty())
      for (const fs::path& path : job_.paths) (void)remove_stale(path, callbacks_);
    // Before anything is written: what does not fit at its least will not fit after the survey.
    if (const auto least = plan_models(job_, profiles, 0, share_time(job_, profiles)); !least)
      return tl::unexpected(least.error());
    auto surveyed = survey();
    if (!surveyed) return tl::unexpected(surveyed.error());
    if (*surveyed <= 0) return finish();
    GpuPlan gpus = plan_gpus(job_, catalog_, machine_);
    const auto links = survey_gpus(gpus);
    if (!links) return tl::unexpected(links.error());
    LinkPlan link;
    if (link_ != nullptr)
      link = plan_link(job_, *link_, machine_, link_->hub().sessions().front()->machine());
    TimePlan time = share_time(job_, profiles, gpus, link);
    auto models = plan_models(job_, profiles, *surveyed, time, *links);
    if (!models) return tl::unexpected(models.error());
    outcome_.models = std::move(*models);
    if (const auto cap = size_cap_of(job_); may_write(job_) && cap)
      time.checkpoint_bytes = checkpoint_bytes(*cap, *surveyed);
    DataSets data;
    for (const ModelPlan& model : outcome_.models) {
      if (!job_.datasets.empty()) {
        data.use(model.model, job_.datasets);
        continue;
      }
      if (callbacks_.stage)
        callbacks_.stage(fmt::format("making the data set of {}: {} in {}", model.model,
                                     to_si({model.data_bytes}), folders_text(job_.paths)));
      if (auto made = data.make(job_, model, journal_, callbacks_); !made) {
        if (made.error().exit == Exit::kInterrupted) return finish();
        return tl::unexpected(made.error());
      }
    }
    auto plan =
        plan_measurements(job_, outcome_.models, data.of_model(), time, catalog_, machine_, gpus, link);
    if (!plan) return tl::unexpected(plan.error());
    for (const std::string& left_out : gpus.left_out)
      if (callbacks_.stage) callbacks_.stage(left_out);
    if (auto measured = measure_rest(*plan); !measured) return tl::unexpected(measured.error());
    return finish();
  }

 private:
  // bytes/s; 0: it failed, and the measurement says why.
  Result<double> survey() {
    auto planned = plan_survey(job_, catalog_, machine_);
    if (!planned) return tl::unexpected(planned.error());
    auto m = surveyed(*planned, "surveying the storage");
    if (!m) return tl::unexpected(m.error());
    return *m != nullptr && (*m)->status == "ok" ? (*m)->throughput_bytes_per_s.mean : 0.0;
  }

  // bytes/s into the GPUs; infinite: there are none, or it failed, and the measurement says why.
  Result<double> survey_gpus(GpuPlan& gpus) {
    constexpr double kUnknown = std::numeric_limits<double>::infinity();
    if (!gpus.any()) return kUnknown;
    auto planned = plan_gpu_survey(gpus, catalog_, machine_);
    if (!planned) {
      gpus.left_out.push_back(fmt::format("the GPUs are left out: {}", planned.error().what));
      gpus.leave_out();
      return kUnknown;
    }
    auto m = surveyed(*planned, "surveying the links of the GPUs");
    if (!m) return tl::unexpected(m.error());
    if (*m == nullptr) return kUnknown;
    gpus.size_copies(fed_over_links(**m, 1));
    return fed_over_links(**m, job_.accelerators);
  }

  // Null: it was interrupted.
  Result<const record::Measurement*> surveyed(const Planned& survey, const char* doing) {
    const Planned* planned = &survey;
    const record::Measurement* earlier = find(done_, planned->id);
    if (repeats_done(earlier, *planned) < planned->repeats) {
      if (callbacks_.stage) callbacks_.stage(doing);
      auto measured = measure({*planned}, memories_, measured_on_, measure_callbacks_);
      if (journal_error_) return tl::unexpected(*journal_error_);
      if (measured.empty()) return nullptr;
      outcome_.measurements.push_back(std::move(measured.front()));
    } else {
      outcome_.measurements.push_back(*earlier);
    }
    return &outcome_.measurements.back();
  }

  // The repeats that are missing. Those that run together need as many of each: where a kill came between
  // their lines of the journal, all of them run again.
  std::vector<Planned> missing_of(std::vector<Planned>& plan) {
    std::vector<Planned> missing;
    for (std::size_t first = 0, end = 0; first < plan.size(); first = end) {
      for (end = first + 1; end < plan.size() && plan[first].together != 0; ++end)
        if (plan[end].together != plan[first].together) break;
      const int done = repeats_done(find(done_, plan[first].id), plan[first]);
      const int wanted = plan[first].repeats;
      const auto group = std::span(plan).subspan(first, end - first);
      const bool equal = std::all_of(group.begin(), group.end(), [&](const Planned& planned) {
        return repeats_done(find(done_, planned.id), planned) == done;
      });
      for (Planned& planned : group) {
        if (equal && done >= wanted) {
          outcome_.measurements.push_back(*find(done_, planned.id));
          continue;
        }
        if (equal && done > 0) {
          begun_[planned.id] = *find(done_, planned.id);
          planned.repeats -= done;
        }
        missing.push_back(planned);
      }
    }
    return missing;
  }

  // With the repeats that an earlier run did. One that the user cut short takes nothing from them.
  record::Measurement with_earlier(const record::Measurement& m) const {
    const auto begun = begun_.find(m.id);
    if (begun == begun_.end()) return m;
    const bool cut_short = m.status != "ok" && callbacks_.interrupted && callbacks_.interrupted();
    return cut_short ? begun->second : record::pool_repeats(begun->second, m);
  }

  Result<void> measure_rest(std::vector<Planned>& plan) {
    const std::vector<Planned> rest = missing_of(plan);
    if (callbacks_.planned) {
      double whole = 0;
      int repeats = 0;
      int group = 0;
      for (const Planned& planned : rest) {
        const bool beside = planned.together != 0 && planned.together == group;
        group = planned.together;
        repeats += planned.repeats;
        if (beside) continue;  // takes no time of its own
        whole += planned.options.time_limit.seconds() * planned.repeats;
      }
      callbacks_.planned(repeats, Duration::from_seconds(whole));
    }
    for (const record::Measurement& m : measure(rest, memories_, measured_on_, measure_callbacks_)) {
      outcome_.measurements.push_back(with_earlier(m));
      begun_.erase(m.id);
    }
    for (auto& [id, earlier] : begun_) outcome_.measurements.push_back(std::move(earlier));  // interrupted
    if (journal_error_) return tl::unexpected(*journal_error_);
    // In order of id again: a resumed run mixes old and new.
    std::stable_sort(outcome_.measurements.begin(), outcome_.measurements.end(),
                     [](const record::Measurement& a, const record::Measurement& b) {
                       return std::stoi(a.id.substr(1)) < std::stoi(b.id.substr(1));
                     });
    return {};
  }

  JobOutcome finish() {
    outcome_.interrupted = callbacks_.interrupted && callbacks_.interrupted();
    return std::move(outcome_);
  }

  const Job& job_;
  const topology::Machine& machine_;
  const std::vector<record::Measurement>& done_;
  record::Journal& journal_;
  JobCallbacks callbacks_;
  const Catalog& catalog_;
  peer::Turns* link_;              // null: there is no peer
  topology::Machine measured_on_;  // with the peer's graph beside this machine's
  std::vector<MemoryModule> memories_;
  MeasureCallbacks measure_callbacks_;
  std::optional<Error> journal_error_;
  JobOutcome outcome_;
  std::map<std::string, record::Measurement> begun_;  // by id: what an earlier run did a part of
};

}  // namespace

Result<JobOutcome> run_job(const Job& job, const std::vector<workload::Profile>& profiles,
                           const Catalog& catalog, const topology::Machine& machine,
                           const std::vector<record::Measurement>& done, record::Journal& journal,
                           const JobCallbacks& callbacks, peer::Turns* link) {
  return FeedJob(job, catalog, machine, done, journal, callbacks, link).run(profiles);
}

}  // namespace millrace::run
