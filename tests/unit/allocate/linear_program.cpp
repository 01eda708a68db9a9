// SPDX-License-Identifier: Apache-2.0
#include "linear_program.hpp"

#include <glpk.h>

#include <cmath>
#include <map>
#include <memory>
#include <optional>

namespace millrace::allocate {
namespace {

// Columns: job j's rate is j + 1, the level t is the last. Rows: a resource each, then a job each.
class RateProgram {
 public:
  explicit RateProgram(const Problem& problem)
      : problem_(problem), program_(glp_create_prob(), &glp_delete_prob) {
    const int jobs = count(problem.jobs.size()), resources = count(problem.capacity.size());
    glp_set_obj_dir(get(), GLP_MAX);
    glp_add_cols(get(), jobs + 1);
    glp_add_rows(get(), resources + jobs);
    glp_set_col_bnds(get(), jobs + 1, GLP_LO, 0, 0);
    for (int r = 0; r < resources; ++r) {
      const double capacity = problem.capacity[static_cast<std::size_t>(r)];
      glp_set_row_bnds(get(), r + 1, std::isfinite(capacity) ? GLP_UP : GLP_FR, 0, 1);
    }
    std::vector<int> rows(1), columns(1);
    std::vector<double> values(1);
    for (int j = 0; j < jobs; ++j) {
      const Job& job = problem.jobs[static_cast<std::size_t>(j)];
      std::map<int, double> cost;
      // In shares of the capacity: figures of one size, as simplex needs them.
      for (const Use& use : job.uses) {
        const double capacity = problem.capacity[use.resource];
        cost[count(use.resource)] += use.per_step / (std::isfinite(capacity) ? capacity : 1);
      }
      cost[resources + j] = 1;  // rate − weight × t ≥ 0
      for (const auto& [row, value] : cost) {
        rows.push_back(row + 1);
        columns.push_back(j + 1);
        values.push_back(value);
      }
      rows.push_back(resources + j + 1);
      columns.push_back(jobs + 1);
      values.push_back(-job.weight);
      glp_set_row_bnds(get(), resources + j + 1, GLP_LO, 0, 0);
      leave_free(j);
    }
    glp_load_matrix(get(), count(rows.size()) - 1, rows.data(), columns.data(), values.data());
    glp_init_smcp(&settings_);
    settings_.tol_bnd = settings_.tol_dj = 1e-9;
    settings_.msg_lev = GLP_MSG_OFF;
  }

  // The rate of the job is this from now on, whatever the level.
  void settle(int job, double rate) {
    glp_set_col_bnds(get(), job + 1, GLP_FX, rate, rate);
    glp_set_row_bnds(get(), count(problem_.capacity.size()) + job + 1, GLP_FR, 0, 0);
  }
  std::optional<double> most_level() { return most(count(problem_.jobs.size()) + 1); }
  // The most that one job can have while all that are not settled have weight × level.
  std::optional<double> most_rate(int job, double level) {
    const int column = count(problem_.jobs.size()) + 1;
    glp_set_col_bnds(get(), column, GLP_FX, level, level);
    const auto rate = most(job + 1);
    glp_set_col_bnds(get(), column, GLP_LO, 0, 0);
    return rate;
  }

 private:
  static int count(std::size_t value) { return static_cast<int>(value); }
  glp_prob* get() { return program_.get(); }
  void leave_free(int job) {
    const double most = problem_.jobs[static_cast<std::size_t>(job)].most_steps_per_s;
    if (!std::isfinite(most))
      glp_set_col_bnds(get(), job + 1, GLP_LO, 0, 0);
    else
      glp_set_col_bnds(get(), job + 1, most > 0 ? GLP_DB : GLP_FX, 0, most);
  }
  std::optional<double> most(int column) {
    for (int c = 1; c <= glp_get_num_cols(get()); ++c) glp_set_obj_coef(get(), c, c == column ? 1 : 0);
    glp_std_basis(get());
    if (glp_simplex(get(), &settings_) != 0 || glp_get_status(get()) != GLP_OPT) return std::nullopt;
    return glp_get_obj_val(get());
  }

  const Problem& problem_;
  std::unique_ptr<glp_prob, decltype(&glp_delete_prob)> program_;
  glp_smcp settings_;
};

}  // namespace

std::vector<double> max_min_by_linear_programs(const Problem& problem) {
  constexpr double kCannotGrow = 1e-6;  // relative; simplex itself is good to 1e-7
  RateProgram program(problem);
  std::vector<double> rates(problem.jobs.size(), -1);
  for (std::size_t left = rates.size(); left > 0;) {
    const auto level = program.most_level();
    if (!level) return {};
    const double slack = 1 - 1e-9;  // room for rounding: else the programs below may have no solution
    std::vector<int> settled;
    for (std::size_t j = 0; j < rates.size(); ++j) {
      if (rates[j] >= 0) continue;
      const auto most = program.most_rate(static_cast<int>(j), *level * slack);
      if (!most) return {};
      if (*most <= problem.jobs[j].weight * *level * (1 + kCannotGrow))
        settled.push_back(static_cast<int>(j));
    }
    if (settled.empty()) return {};
    for (const int job : settled) {
      const auto j = static_cast<std::size_t>(job);
      rates[j] = problem.jobs[j].weight * *level * slack;
      program.settle(job, rates[j]);
    }
    left -= settled.size();
  }
  return rates;
}

}  // namespace millrace::allocate
