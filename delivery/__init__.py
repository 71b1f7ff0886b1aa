"""What is shipped: packages, images, and the papers that go with them."""
