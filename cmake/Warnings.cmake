# SPDX-License-Identifier: BSD-3-Clause
# cosmos_warnings(TARGET): the warnings and sanitizers that every target of ours is built with.
function(cosmos_warnings target)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
    if(COSMOS_WERROR)
        target_compile_options(${target} PRIVATE -Werror)
    endif()
    if(COSMOS_SANITIZE)
        target_compile_options(${target} PRIVATE -fsanitize=address,undefined
                               -fno-sanitize-recover=all -fno-omit-frame-pointer)
        target_link_options(${target} PRIVATE -fsanitize=address,undefined)
    endif()
    if(COSMOS_FUZZ)
        target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
    endif()
endfunction()
