# cmake --install: the tools, lathe.h, find_package(Lathe) and pkg-config. The same
# package file serves the build folder (find_package with Lathe_DIR=build).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/Lathe)
install(TARGETS lathe lathe-opt lathe-run lathe-lsp-server RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS lathe_gpu ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${PROJECT_SOURCE_DIR}/include/lathe.h ${PROJECT_SOURCE_DIR}/runtime/lathe_gpu.h
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_SOURCE_DIR}/runtime/lathe_gpu.c DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/lathe)
install(FILES ${PROJECT_SOURCE_DIR}/cmake/package/LatheAddModel.cmake DESTINATION ${package})

# Relative to the installed package, so that the tree may be moved.
set(LATHE_INCLUDE_DIR ${CMAKE_INSTALL_INCLUDEDIR})
set(LATHE_EXECUTABLE ${CMAKE_INSTALL_BINDIR}/lathe)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/package/LatheConfig.cmake.in
  ${PROJECT_BINARY_DIR}/package/LatheConfig.cmake
  INSTALL_DESTINATION ${package} PATH_VARS LATHE_INCLUDE_DIR LATHE_EXECUTABLE)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/LatheConfigVersion.cmake
  VERSION ${PROJECT_VERSION} COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/package/LatheConfig.cmake ${PROJECT_BINARY_DIR}/LatheConfigVersion.cmake
  DESTINATION ${package})

file(RELATIVE_PATH LATHE_PC_PREFIX /${CMAKE_INSTALL_DATAROOTDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" LATHE_PC_PREFIX "${LATHE_PC_PREFIX}")
configure_file(${PROJECT_SOURCE_DIR}/cmake/package/lathe.pc.in ${PROJECT_BINARY_DIR}/package/lathe.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/package/lathe.pc DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/pkgconfig)

# The build folder as a package of its own.
set(LATHE_INCLUDE_DIR ${PROJECT_SOURCE_DIR}/include)
set(LATHE_EXECUTABLE ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/lathe)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/package/LatheConfig.cmake.in
  ${PROJECT_BINARY_DIR}/LatheConfig.cmake
  INSTALL_DESTINATION ${PROJECT_BINARY_DIR} INSTALL_PREFIX ${PROJECT_BINARY_DIR}
  PATH_VARS LATHE_INCLUDE_DIR LATHE_EXECUTABLE)
configure_file(${PROJECT_SOURCE_DIR}/cmake/package/LatheAddModel.cmake
  ${PROJECT_BINARY_DIR}/LatheAddModel.cmake COPYONLY)
