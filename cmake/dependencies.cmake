# What Convoy stands on. Each library becomes one imported target convoy::NAME.
#
# Plain find_path and find_library for all of them: not every Debian package ships a .pc file, and the CMake
# package of oneDNN asks for OpenCL's headers, which its C interface does not need.

# convoy_require(NAME HEADER): lib<NAME> with HEADER, or one sentence that says what to do.
function(convoy_require name header)
  find_path(CONVOY_${name}_INCLUDE ${header})
  find_library(CONVOY_${name}_LIBRARY ${name})
  mark_as_advanced(CONVOY_${name}_INCLUDE CONVOY_${name}_LIBRARY)
  if(NOT CONVOY_${name}_INCLUDE OR NOT CONVOY_${name}_LIBRARY)
    message(FATAL_ERROR "lib${name} with its header ${header} was not found: run scripts/setup.")
  endif()
  add_library(convoy::${name} UNKNOWN IMPORTED)
  set_target_properties(convoy::${name} PROPERTIES
    IMPORTED_LOCATION "${CONVOY_${name}_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${CONVOY_${name}_INCLUDE}")
endfunction()

convoy_require(dnnl dnnl.h)
convoy_require(protobuf-nanopb pb_decode.h)
convoy_require(xxhash xxhash.h)
convoy_require(jpeg jpeglib.h)
convoy_require(png png.h)
convoy_require(jansson jansson.h)
convoy_require(zip zip.h)
convoy_require(zmq zmq.h)

# The reference LAPACK, static. Debian's alternatives may replace the shared one by OpenBLAS, which makes a pool of threads
# when it is loaded, and waits without end if it has no address space for it. The reference has no threads, no memory of
# its own and no state. Its archives are position-independent; of Fortran's runtime it needs what writes messages, which
# is linked by the name that it has without its compiler.
set(CONVOY_lapack_archives)
foreach(name lapacke lapack blas)
  find_library(CONVOY_${name}_ARCHIVE lib${name}.a PATH_SUFFIXES ${name})
  mark_as_advanced(CONVOY_${name}_ARCHIVE)
  if(NOT CONVOY_${name}_ARCHIVE)
    message(FATAL_ERROR "lib${name}.a of the reference LAPACK was not found: run scripts/setup.")
  endif()
  list(APPEND CONVOY_lapack_archives ${CONVOY_${name}_ARCHIVE})
endforeach()
find_path(CONVOY_lapacke_INCLUDE lapacke.h)
find_library(CONVOY_gfortran_LIBRARY libgfortran.so.5)
mark_as_advanced(CONVOY_lapacke_INCLUDE CONVOY_gfortran_LIBRARY)
if(NOT CONVOY_lapacke_INCLUDE OR NOT CONVOY_gfortran_LIBRARY)
  message(FATAL_ERROR "lapacke.h or libgfortran.so.5 was not found: run scripts/setup.")
endif()
add_library(convoy_lapack INTERFACE)
target_include_directories(convoy_lapack SYSTEM INTERFACE ${CONVOY_lapacke_INCLUDE})
target_link_libraries(convoy_lapack INTERFACE ${CONVOY_lapack_archives} ${CONVOY_gfortran_LIBRARY} m)

# oneDNN runs on GNU OpenMP; its number of threads is set with omp_set_num_threads, and nothing of ours uses
# OpenMP otherwise. So the runtime is linked by name, without -fopenmp, for every compiler: LLVM's own runtime
# beside oneDNN's would make two thread pools. onednn.c declares the two functions that it calls: omp.h is GCC's alone.
add_library(convoy_openmp INTERFACE)
target_link_libraries(convoy_openmp INTERFACE gomp)

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# MPI launches Convoy on clusters that have it. A build without it refuses --mpi and lacks nothing else.
option(CONVOY_MPI "Use MPI, where it is found" ON)
if(CONVOY_MPI)
  find_package(MPI QUIET COMPONENTS C)
endif()
if(CONVOY_MPI AND NOT MPI_C_FOUND)
  message(STATUS "MPI was not found: convoy run --mpi will not be there (scripts/setup --mpi)")
endif()
