/* The one function of Windows' bcryptprimitives.dll that Rust's library takes random bytes from.
   wine 8 has no such library; the random bytes are wine's. */
#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T count)
{
    return RtlGenRandom(bytes, (ULONG) count);
}
