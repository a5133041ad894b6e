# What `find_package(noyau)` finds: headers, library, exported target and version.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/noyau)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS noyau EXPORT noyau)
install(EXPORT noyau FILE noyauTargets.cmake NAMESPACE noyau:: DESTINATION ${package_dir})

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/noyauConfig.cmake.in ${PROJECT_BINARY_DIR}/noyauConfig.cmake
  INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/noyauConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/noyauConfig.cmake ${PROJECT_BINARY_DIR}/noyauConfigVersion.cmake
  DESTINATION ${package_dir})
