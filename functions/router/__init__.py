"""The service center: pages and API of the network of unions."""
