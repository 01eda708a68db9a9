# SPDX-License-Identifier: Apache-2.0
# NVML's and cuFile's headers come with the CUDA toolkit; where it has none, scripts/vendor-headers unpacks them into
# MILLRACE_VENDOR_FOLDER. Gives, where they were found, the targets
#   vendor::nvml     nvml.h, and no library: the core opens libnvidia-ml.so.1 by name at run time
#   vendor::cufile   cufile.h, and libcufile to link against (nothing of its place is left in what is linked)
set(MILLRACE_VENDOR_FOLDER ${PROJECT_SOURCE_DIR}/build/vendor CACHE PATH
    "Where scripts/vendor-headers unpacked the headers that the CUDA toolkit lacks")
set(millrace_cuda_hints ENV CUDA_HOME ENV CUDA_PATH /usr/local/cuda /usr/local/cuda/targets/${CMAKE_SYSTEM_PROCESSOR}-linux)

find_path(MILLRACE_NVML_INCLUDE_DIR nvml.h HINTS ${millrace_cuda_hints} PATHS ${MILLRACE_VENDOR_FOLDER} PATH_SUFFIXES include)
find_path(MILLRACE_CUFILE_INCLUDE_DIR cufile.h HINTS ${millrace_cuda_hints} PATHS ${MILLRACE_VENDOR_FOLDER}
          PATH_SUFFIXES include)
find_library(MILLRACE_CUFILE_LIBRARY NAMES cufile libcufile.so.0 HINTS ${millrace_cuda_hints}
             PATHS ${MILLRACE_VENDOR_FOLDER} PATH_SUFFIXES lib64 lib)
mark_as_advanced(MILLRACE_NVML_INCLUDE_DIR MILLRACE_CUFILE_INCLUDE_DIR MILLRACE_CUFILE_LIBRARY)

if(MILLRACE_NVML_INCLUDE_DIR)
  add_library(vendor::nvml INTERFACE IMPORTED)
  set_target_properties(vendor::nvml PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${MILLRACE_NVML_INCLUDE_DIR})
else()
  message(STATUS "NVML is left out (link states, throttling and energy of NVIDIA GPUs): no nvml.h; scripts/vendor-headers "
                 "${MILLRACE_VENDOR_FOLDER} fetches it")
endif()
if(MILLRACE_CUFILE_INCLUDE_DIR AND MILLRACE_CUFILE_LIBRARY)
  add_library(vendor::cufile INTERFACE IMPORTED)
  get_filename_component(folder ${MILLRACE_CUFILE_LIBRARY} DIRECTORY)
  get_filename_component(file ${MILLRACE_CUFILE_LIBRARY} NAME)
  # By -L and -l, since a whole path would put its folder into the module's search path.
  set_target_properties(vendor::cufile PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${MILLRACE_CUFILE_INCLUDE_DIR}
                        INTERFACE_LINK_LIBRARIES "-L${folder};-l:${file}")
endif()
