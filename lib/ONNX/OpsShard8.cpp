#define GET_OP_DEFS_8
#include "OpsShard.h"
