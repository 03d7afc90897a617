#define GET_OP_DEFS_0
#include "OpsShard.h"
