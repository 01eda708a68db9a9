/* SPDX-License-Identifier: Apache-2.0 */
/* A vendor's library that is there when a module is built, and missing where it runs. */
int faulty_vendor_devices(void);
int faulty_vendor_devices(void) { return 1; }
