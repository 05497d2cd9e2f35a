// Package layout tests the shape of the module: which package may import
// which, what the shipped binary is made of, how long a file may be, and what
// may lie at the top level. Each rule says why it is there.
package layout
