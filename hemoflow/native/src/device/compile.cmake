# Compiles kernels.cu with `nvcc` for the `architectures` a,b,... (the last one as PTX too) and links it with `module` into `library`. `report` says
# how that went; a failure ends the build only where `insist` asks for it.
file(REMOVE "${library}")
set(targets "")
string(REPLACE "," ";" machines "${architectures}")
foreach(architecture ${machines})
  list(APPEND targets -gencode "arch=compute_${architecture},code=sm_${architecture}")
endforeach()
list(GET machines -1 newest)
list(APPEND targets -gencode "arch=compute_${newest},code=compute_${newest}")
execute_process(
  COMMAND "${nvcc}" -shared -o "${library}" "${source}" ${module} ${targets} -ccbin "${compiler}" -std=c++17 -O3 --expt-relaxed-constexpr
          --extended-lambda -allow-unsupported-compiler -DHEMOFLOW_DEVICE -Xcompiler -fPIC,-fvisibility=hidden
  RESULT_VARIABLE failed OUTPUT_VARIABLE said ERROR_VARIABLE complained)
if(failed)
  file(REMOVE "${library}")
  string(STRIP "${said}${complained}" complaint)
  if(insist MATCHES "^(ON|YES|TRUE|1)$")
    message(FATAL_ERROR "HEMOFLOW_CUDA=${insist}, but nvcc failed:\n${complaint}")
  endif()
  message(WARNING "kernels for NVIDIA GPUs are left out, since nvcc failed:\n${complaint}")
  string(REGEX MATCH "[^\n]*(error|fatal|unsupported|cannot)[^\n]*" first "${complaint}")
  file(WRITE "${report}" "nvcc failed when it was installed (${first})")
else()
  execute_process(COMMAND "${nvcc}" --version OUTPUT_VARIABLE said ERROR_QUIET)
  string(REGEX MATCH "release [0-9.]+" release "${said}")
  string(REPLACE ";" ", " machines "${architectures}")
  file(WRITE "${report}" "compiled by nvcc ${release} for compute capabilities ${architectures} and later")
endif()
