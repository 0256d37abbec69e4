# Wrappers that keep this project's targets out of MLIR's export set.

# LLVM rejects a source file that no target lists, even while it is being
# written; an unlisted file shows as a missing symbol soon enough.
function(moe_accept_unlisted_sources)
  file(GLOB sources *.c *.cpp)
  set_property(DIRECTORY APPEND PROPERTY LLVM_SOURCE_FILES ${sources})
endfunction()

# A static library of this project. Takes add_mlir_library's arguments plus
# MLIR, a flag that says the library uses MLIR (and LLVM) itself.
function(moe_add_library name)
  cmake_parse_arguments(ARG "MLIR;LLVM" "" "" ${ARGN})
  moe_accept_unlisted_sources()
  # A source that is not listed yet must not keep everything else from building.
  add_mlir_library(${name} PARTIAL_SOURCES_INTENDED ${ARG_UNPARSED_ARGUMENTS} DISABLE_INSTALL)
  if(ARG_MLIR)
    mlir_target_link_libraries(${name} PUBLIC MLIR)
  elseif(ARG_LLVM)
    target_link_libraries(${name} PUBLIC LLVM)
  endif()
endfunction()

# A command-line tool: a small main over libraries.
function(moe_add_tool name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK_LIBS" ${ARGN})
  moe_accept_unlisted_sources()
  add_llvm_executable(${name} ${ARG_SOURCES})
  llvm_update_compile_flags(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS})
  set_property(GLOBAL APPEND PROPERTY MOE_TOOLS ${name})
endfunction()

# A GoogleTest binary, run by `ninja check-moe-unit`.
add_custom_target(MoEUnitTests)
function(moe_add_unittest name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK_LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  llvm_update_compile_flags(${name})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/unittests)
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS} GTest::gmock GTest::gtest GTest::gtest_main)
  add_dependencies(MoEUnitTests ${name})
endfunction()
