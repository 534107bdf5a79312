# find_package(Tidemill): the targets Tidemill::Sdk, Tidemill::Net, Tidemill::Testing and tidemill_add_plugin().
include(CMakeFindDependencyMacro)
find_dependency(Qt6 6.4 COMPONENTS Core Network Test)
include("${CMAKE_CURRENT_LIST_DIR}/TidemillTargets.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/TidemillPlugin.cmake")
