# lathe_add_model(<target> MODEL <file.onnx>
#                 [NAME <identifier>] [SHARED]
#                 [TARGET <triple>] [CPU <cpu>] [FEATURES <list>]
#                 [QUANTIZE <mode>] [CALIBRATE <folder>] [PRUNE <fraction>]
#                 [OPTIONS <option>...] [DEPENDS <file>...])
#
# Compiles an ONNX model to a library target. Whoever links <target> gets the
# object, the folder of the generated header <name>.h, lathe.h and, where there
# is one, libm.
#   NAME       prefix of the C functions and stem of the header; default: <target>
#   SHARED     a shared library that lathe links itself; default: a static one
#   TARGET     where the code is to run; default: what the toolchain file says when
#              cross-compiling, else the build machine (lathe's 'native')
#   OPTIONS    any other option of lathe, e.g. OPTIONS -O2 --dim=batch=1
#   DEPENDS    files, beside the model, that a change of should recompile; external data
#              and calibration samples are found without
#
# Relative paths of MODEL and CALIBRATE are those of the current source folder. The
# model is compiled again when it, its external data, its calibration samples,
# an option or lathe itself changes, and only then.

# The triple of the machine that the toolchain file describes.
function(_lathe_default_target result)
  if(NOT CMAKE_CROSSCOMPILING)
    set(${result} native PARENT_SCOPE)
    return()
  endif()
  if(CMAKE_C_COMPILER_TARGET)
    set(${result} "${CMAKE_C_COMPILER_TARGET}" PARENT_SCOPE)
    return()
  endif()
  string(TOLOWER "${CMAKE_SYSTEM_PROCESSOR}" processor)
  if(processor MATCHES "^(aarch64|arm64)$")
    set(triple aarch64-linux-gnu)
  elseif(processor MATCHES "^arm")
    set(triple armv7-linux-gnueabihf)
  elseif(processor MATCHES "^(x86_64|amd64)$")
    set(triple x86_64-linux-gnu)
  else()
    message(FATAL_ERROR "lathe_add_model: cannot tell the target from CMAKE_SYSTEM_PROCESSOR "
      "'${CMAKE_SYSTEM_PROCESSOR}'; give TARGET <triple>")
  endif()
  set(${result} ${triple} PARENT_SCOPE)
endfunction()

function(lathe_add_model target)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "SHARED"
    "MODEL;NAME;TARGET;CPU;FEATURES;QUANTIZE;CALIBRATE;PRUNE" "OPTIONS;DEPENDS")
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "lathe_add_model(${target}): unknown arguments: ${ARG_UNPARSED_ARGUMENTS}; "
      "options of lathe go behind OPTIONS")
  endif()
  if(NOT ARG_MODEL)
    message(FATAL_ERROR "lathe_add_model(${target}): MODEL <file.onnx> is missing")
  endif()
  if(NOT ARG_NAME)
    set(ARG_NAME ${target})
  endif()
  string(MAKE_C_IDENTIFIER "${ARG_NAME}" name)
  if(NOT ARG_TARGET)
    _lathe_default_target(ARG_TARGET)
  endif()
  get_filename_component(model "${ARG_MODEL}" ABSOLUTE)

  # A folder of its own: the depfile, header and object share the stem.
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/${target}.lathe")
  file(MAKE_DIRECTORY "${folder}")
  if(ARG_SHARED)
    set(output "${folder}/lib${name}${CMAKE_SHARED_LIBRARY_SUFFIX}")
    set(header "${folder}/lib${name}.h")
  else()
    set(output "${folder}/${name}.o")
    set(header "${folder}/${name}.h")
  endif()
  set(options "--name=${name}" "--target=${ARG_TARGET}")
  foreach(key CPU FEATURES QUANTIZE PRUNE)
    if(ARG_${key})
      string(TOLOWER ${key} flag)
      list(APPEND options "--${flag}=${ARG_${key}}")
    endif()
  endforeach()
  if(ARG_CALIBRATE)
    get_filename_component(samples "${ARG_CALIBRATE}" ABSOLUTE)
    list(APPEND options "--calibrate=${samples}")
  endif()

  # lathe writes the header beside the object under the object's stem; a shared
  # library's is renamed to what the program includes.
  set(rename)
  if(ARG_SHARED)
    set(rename COMMAND ${CMAKE_COMMAND} -E rename "${header}" "${folder}/${name}.h")
    set(header "${folder}/${name}.h")
  endif()
  file(RELATIVE_PATH shown "${CMAKE_SOURCE_DIR}" "${model}")
  add_custom_command(OUTPUT "${output}" "${header}"
    COMMAND Lathe::lathe "${model}" -o "${output}" ${options} ${ARG_OPTIONS} -MF "${folder}/${name}.d"
    ${rename}
    DEPENDS "${model}" "${LATHE_EXECUTABLE}" ${ARG_DEPENDS}
    DEPFILE "${folder}/${name}.d"
    COMMENT "Compiling ${shown} for ${ARG_TARGET}"
    VERBATIM)

  if(ARG_SHARED)
    # Users of an imported library wait for the command by this target.
    add_custom_target(${target}_compile DEPENDS "${output}" "${header}")
    add_library(${target} SHARED IMPORTED GLOBAL)
    set_target_properties(${target} PROPERTIES IMPORTED_LOCATION "${output}")
    add_dependencies(${target} ${target}_compile)
    set(scope INTERFACE)
  else()
    add_library(${target} STATIC "${output}" "${header}")
    set_source_files_properties("${output}" PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
    set_target_properties(${target} PROPERTIES LINKER_LANGUAGE C)
    set(scope INTERFACE)
  endif()
  target_include_directories(${target} ${scope} "$<BUILD_INTERFACE:${folder}>")
  target_link_libraries(${target} ${scope} Lathe::headers)
  if(UNIX AND NOT CMAKE_SYSTEM_NAME STREQUAL "Generic")
    target_link_libraries(${target} ${scope} m)
  endif()
endfunction()
