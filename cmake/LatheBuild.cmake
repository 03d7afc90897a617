# Helpers that every folder uses: stage libraries, tablegen of passes, tools.
#
#   lathe_add_stage(<Name> [DEPENDS tablegen-targets...] [LINK libs...])
#     static library Lathe<Name> from all *.cpp of the current folder.
#   lathe_tablegen_passes(<Stage>)      include/lathe/<Stage>/Passes.td -> Passes.h.inc
#   lathe_add_tool(<name> LINK libs...) executable in bin/ from the *.cpp of its folder.

# LLVM is built without RTTI and exceptions; so are we.
# -fPIC everywhere, executables too: they share one precompiled header with the libraries.
add_compile_options(-fPIC $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti> $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions>
  -Wall -Wextra -Wno-unused-parameter $<$<COMPILE_LANGUAGE:CXX>:-Wno-deprecated-declarations>
  $<$<COMPILE_LANGUAGE:CXX>:-fvisibility-inlines-hidden>)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # Timestamps in a precompiled header would defeat ccache.
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")
  add_link_options(-fuse-ld=lld)
endif()
foreach(san ${LATHE_SANITIZE})
  add_compile_options(-fsanitize=${san} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${san})
endforeach()
if("undefined" IN_LIST LATHE_SANITIZE)
  # vptr needs RTTI; a UBSan report must fail the run.
  add_compile_options(-fno-sanitize=vptr -fno-sanitize-recover=undefined
    -fsanitize-ignorelist=${PROJECT_SOURCE_DIR}/cmake/sanitize-ignore.txt)
endif()

find_program(LATHE_CCACHE ccache)
if(LATHE_CCACHE)
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${LATHE_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

# Without CMake's second, absolute mention of the header (which clang needs for
# nothing), so that ccache may serve several checkouts from one cache.
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  set(CMAKE_CXX_COMPILE_OPTIONS_USE_PCH -Xclang -include-pch -Xclang <PCH_FILE>)
endif()

# One precompiled header with the MLIR headers that nearly every file needs.
function(lathe_add_pch)
  file(WRITE ${PROJECT_BINARY_DIR}/pch/pch.cpp "// Owner of the shared precompiled header.\n")
  add_library(LathePCH OBJECT ${PROJECT_BINARY_DIR}/pch/pch.cpp)
  target_precompile_headers(LathePCH PRIVATE
    <mlir/Dialect/Affine/IR/AffineOps.h>
    <mlir/Dialect/Arith/IR/Arith.h>
    <mlir/Dialect/Bufferization/IR/Bufferization.h>
    <mlir/Dialect/Func/IR/FuncOps.h>
    <mlir/Dialect/LLVMIR/LLVMDialect.h>
    <mlir/Dialect/Linalg/IR/Linalg.h>
    <mlir/Dialect/Math/IR/Math.h>
    <mlir/Dialect/MemRef/IR/MemRef.h>
    <mlir/Dialect/SCF/IR/SCF.h>
    <mlir/Dialect/Tensor/IR/Tensor.h>
    <mlir/Dialect/Vector/IR/VectorOps.h>
    <mlir/Pass/Pass.h>
    <mlir/Pass/PassManager.h>
    <mlir/Transforms/DialectConversion.h>
    <mlir/Transforms/GreedyPatternRewriteDriver.h>)
  # The precompiled header holds the path of its build folder, so ccache would find
  # nothing of another checkout; with pch_external_checksum in its configuration it
  # goes by this file instead: what the precompiled header depends on.
  get_target_property(headers LathePCH PRECOMPILE_HEADERS)
  file(WRITE ${PROJECT_BINARY_DIR}/CMakeFiles/LathePCH.dir/cmake_pch.hxx.pch.sum
    "${LLVM_PACKAGE_VERSION} ${CMAKE_CXX_COMPILER_VERSION} ${CMAKE_BUILD_TYPE} ${LATHE_SANITIZE} ${LATHE_ASSERTIONS} ${headers}\n")
endfunction()
lathe_add_pch()

function(lathe_add_stage name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  add_library(Lathe${name} STATIC ${sources} ${ARG_UNPARSED_ARGUMENTS})
  target_precompile_headers(Lathe${name} REUSE_FROM LathePCH)
  if(ARG_DEPENDS)
    add_dependencies(Lathe${name} ${ARG_DEPENDS})
  endif()
  target_link_libraries(Lathe${name} PUBLIC ${ARG_LINK})
endfunction()

macro(lathe_tablegen_passes stage)
  set(LLVM_TARGET_DEFINITIONS Passes.td)
  mlir_tablegen(Passes.gen.inc -gen-pass-decls -name=${stage})
  # Counters that count in builds of LLVM without assertions too: see PassStatistic.h.
  add_custom_command(OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/Passes.h.inc
    COMMAND sed "s/::mlir::Pass::Statistic /::lathe::PassStatistic /" Passes.gen.inc > Passes.h.inc
    WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR} DEPENDS Passes.gen.inc VERBATIM)
  list(APPEND TABLEGEN_OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/Passes.h.inc)
  add_public_tablegen_target(Lathe${stage}PassesIncGen)
endmacro()

function(lathe_add_tool name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  add_executable(${name} ${sources})
  target_precompile_headers(${name} REUSE_FROM LathePCH)
  target_link_libraries(${name} PRIVATE ${ARG_LINK} MLIR LLVM)
  # The tools find the shared LLVM of the build machine without LD_LIBRARY_PATH.
  set_target_properties(${name} PROPERTIES BUILD_RPATH ${LLVM_LIBRARY_DIR} INSTALL_RPATH ${LLVM_LIBRARY_DIR})
endfunction()
