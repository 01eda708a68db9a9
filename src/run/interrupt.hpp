// SPDX-License-Identifier: Apache-2.0
// SIGINT, SIGTERM and SIGHUP as a question that loops ask: the run then ends in order, workers and files
// included.
#pragma once

namespace millrace::run {

// Installs the handlers; a second SIGINT does no more than the first (everything ends within seconds).
void watch_for_interrupts();
bool was_interrupted();

}  // namespace millrace::run
