// SPDX-License-Identifier: Apache-2.0
// The vendor's header: what it declares is all that this library shows.
#pragma once

#pragma GCC visibility push(default)
#include <cuda.h>
#pragma GCC visibility pop
