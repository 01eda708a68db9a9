// SPDX-License-Identifier: Apache-2.0
// The vendor's header: what it declares is all that this library shows.
#pragma once

#include <cufile.h>  // makes what it declares visible itself
