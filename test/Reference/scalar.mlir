// RUN: moe-opt %s --test-moe-interpret=typed -o /dev/null | FileCheck %s

// CHECK-LABEL: @floats
// CHECK-NEXT: nan
// CHECK-NEXT: 1
// CHECK-NEXT: -0
// CHECK-NEXT: -1.5
// CHECK-NEXT: 1
func.func @floats() -> (f32, f32, f32, f32, i1) {
  %nan = arith.constant 0x7FC00000 : f32
  %one = arith.constant 1.0 : f32
  %zero = arith.constant 0.0 : f32
  %minus = arith.constant -0.0 : f32
  %x = arith.constant -7.5 : f32
  %three = arith.constant 3.0 : f32
  %a = arith.maximumf %nan, %one : f32
  %b = arith.maxnumf %nan, %one : f32
  %c = arith.minimumf %zero, %minus : f32
  %d = arith.remf %x, %three : f32
  %e = arith.cmpf une, %nan, %nan : f32
  return %a, %b, %c, %d, %e : f32, f32, f32, f32, i1
}

// CHECK-LABEL: @integers
// CHECK-NEXT: -128
// CHECK-NEXT: -4
// CHECK-NEXT: -3
// CHECK-NEXT: 124
// CHECK-NEXT: -1
// CHECK-NEXT: 0
// CHECK-NEXT: -128
func.func @integers() -> (i8, i8, i8, i8, i8, i1, i8) {
  %max = arith.constant 127 : i8
  %min = arith.constant -128 : i8
  %one = arith.constant 1 : i8
  %m1 = arith.constant -1 : i8
  %m7 = arith.constant -7 : i8
  %two = arith.constant 2 : i8
  %a = arith.addi %max, %one : i8
  %b = arith.floordivsi %m7, %two : i8
  %c = arith.divsi %m7, %two : i8
  %d = arith.shrui %m7, %one : i8
  %e = arith.remsi %m7, %two : i8
  %f = arith.cmpi ult, %m1, %one : i8
  %g = arith.divsi %min, %m1 : i8
  return %a, %b, %c, %d, %e, %f, %g : i8, i8, i8, i8, i8, i1, i8
}

// CHECK-LABEL: @conversions
// CHECK-NEXT: 255
// CHECK-NEXT: -1
// CHECK-NEXT: -1
// CHECK-NEXT: 1.00781
// CHECK-NEXT: 1065353216
// CHECK-NEXT: -2
// CHECK-NEXT: -2147483648
// CHECK-NEXT: 448
func.func @conversions() -> (i32, i32, i32, bf16, i32, i32, i32, f8E4M3FN) {
  %m1 = arith.constant -1 : i8
  %true = arith.constant true
  %x = arith.constant 1.005859375 : f32
  %one = arith.constant 1.0 : f32
  %m2 = arith.constant -2.75 : f32
  %huge = arith.constant 1.0e+20 : f32
  %a = arith.extui %m1 : i8 to i32
  %b = arith.extsi %m1 : i8 to i32
  %c = arith.extsi %true : i1 to i32
  %d = arith.truncf %x : f32 to bf16
  %e = arith.bitcast %one : f32 to i32
  %f = arith.fptosi %m2 : f32 to i32
  %g = arith.fptosi %huge : f32 to i32
  %k = arith.constant 440.0 : f32
  %h = arith.truncf %k : f32 to f8E4M3FN
  return %a, %b, %c, %d, %e, %f, %g, %h : i32, i32, i32, bf16, i32, i32, i32, f8E4M3FN
}

// CHECK-LABEL: @functions
// CHECK-NEXT: 2.71828
// CHECK-NEXT: 0.5
// CHECK-NEXT: 0.842701
// CHECK-NEXT: 0.761594
// CHECK-NEXT: 8
// CHECK-NEXT: 7
// CHECK-NEXT: 2
// CHECK-NEXT: 3
func.func @functions() -> (f32, f32, f32, f32, f32, f32, f32, f32) {
  %one = arith.constant 1.0 : f32
  %two = arith.constant 2.0 : f32
  %three = arith.constant 3.0 : f32
  %four = arith.constant 4.0 : f32
  %half = arith.constant 2.5 : f32
  %a = math.exp %one : f32
  %b = math.rsqrt %four : f32
  %c = math.erf %one : f32
  %d = math.tanh %one : f32
  %e = math.powf %two, %three : f32
  %f = math.fma %two, %two, %three : f32
  %g = math.roundeven %half : f32
  %h = math.clampf %four to [%one, %three] : f32
  return %a, %b, %c, %d, %e, %f, %g, %h : f32, f32, f32, f32, f32, f32, f32, f32
}

// On tensors, element by element.
// CHECK-LABEL: @elementwise
// CHECK-NEXT: [11, 22]
// CHECK-NEXT: [1, 20]
func.func @elementwise() -> (tensor<2xf32>, tensor<2xf32>) {
  %a = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %b = arith.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %c = arith.constant dense<[true, false]> : tensor<2xi1>
  %d = arith.addf %a, %b : tensor<2xf32>
  %e = arith.select %c, %a, %b : tensor<2xi1>, tensor<2xf32>
  return %d, %e : tensor<2xf32>, tensor<2xf32>
}

func.func private @square(%x: f32) -> f32 {
  %y = arith.mulf %x, %x : f32
  return %y : f32
}

// 2^(2^3) by squaring in a loop; a branch; affine arithmetic.
// CHECK-LABEL: @control
// CHECK-NEXT: 256
// CHECK-NEXT: 7
// CHECK-NEXT: 13
// CHECK-NEXT: 3
func.func @control() -> (f32, i32, index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %two = arith.constant 2.0 : f32
  %a = scf.for %i = %c0 to %c3 step %c1 iter_args(%x = %two) -> f32 {
    %y = func.call @square(%x) : (f32) -> f32
    scf.yield %y : f32
  }
  %c = arith.cmpi sgt, %c3, %c1 : index
  %b = scf.if %c -> i32 {
    %v = arith.constant 7 : i32
    scf.yield %v : i32
  } else {
    %v = arith.constant 8 : i32
    scf.yield %v : i32
  }
  %d = affine.apply affine_map<(d0)[s0] -> (d0 * 4 + s0)>(%c3)[%c1]
  %e = affine.min affine_map<(d0) -> (d0, 5)>(%c3)
  return %a, %b, %d, %e : f32, i32, index, index
}
