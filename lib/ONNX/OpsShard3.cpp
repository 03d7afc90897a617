#define GET_OP_DEFS_3
#include "OpsShard.h"
